{# The share of rows that hold a value (or one of several), among those in which the column is not null; null without any. #}
{% macro share_of(column, values) -%}
    avg(case when {{ column }} in ({{ sql_texts(values) }}) then 1.0 when {{ column }} is not null then 0.0 end)::double
{%- endmacro %}

{# The share of rows that hold none of the values, among those in which the column is not null; null without any. #}
{% macro share_of_others(column, values) -%}
    avg(case when {{ column }} not in ({{ sql_texts(values) }}) then 1.0 when {{ column }} is not null then 0.0 end)::double
{%- endmacro %}

{% macro sql_texts(values) -%}
    {% for value in values %}'{{ value }}'{{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}
