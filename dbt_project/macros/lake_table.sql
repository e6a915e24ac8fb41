{#
  The rows of one table of the lake. A table of which no day has been published yet is an empty one, not an error: a lake
  whose first day was held back by a gate still has marts.
#}
{% macro lake_table(name) -%}
    {%- set table = source('lake', name) -%}
    {%- if not execute or lake_has(name) -%}
        {{ table }}
    {%- else -%}
        (select {% for column in lake_source(name).columns.values() -%}
            cast(null as {{ column.data_type }}) as "{{ column.name }}"{{ ', ' if not loop.last }}
        {%- endfor %} where false)
    {%- endif -%}
{%- endmacro %}

{% macro lake_source(name) %}
    {% do return(graph.sources.values() | selectattr('source_name', 'equalto', 'lake') | selectattr('name', 'equalto', name) | first) %}
{% endmacro %}

{% macro lake_has(name) %}
    {% set found = run_query("select 1 from glob('" ~ lake_source(name).meta.files ~ "') limit 1") %}
    {% do return(found | length > 0) %}
{% endmacro %}
