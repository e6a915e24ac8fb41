{# From which sentiment on the end of a call is negative, and below which a sentiment is negative to people. #}
{% macro negative_end() %}-0.25{% endmacro %}
