{#
  The rows of one table, wherever the target keeps it: files of the lake in DuckDB, those of the run's days only, or a table in
  Snowflake. A table of which no day has been published yet is an empty one, not an error: a lake whose first day was held back
  by a gate still has marts. A column that the contract has got since all of its rows were written is null in them.
#}
{% macro lake_table(name) -%}
    {%- set table = source('lake', name) -%}
    {%- if not execute -%}
        {{ table }}
    {%- elif target.type == 'snowflake' -%}
        {%- set relation = load_relation(table) -%}
        {%- if relation -%} {{ with_all_columns(name, table, adapter.get_columns_in_relation(relation) | map(attribute='name')) }}
        {%- else -%} {{ no_rows_of(name) }} {%- endif -%}
    {%- else -%}
        {%- set files = lake_files(name) -%}
        {%- if files -%}
            {%- set rows = 'read_parquet(' ~ files ~ ', union_by_name = ' ~ differ(files) ~ ', hive_partitioning = false)' -%}
            {{ with_all_columns(name, rows, run_query('select column_name from (describe from ' ~ rows ~ ')').columns[0].values()) }}
        {%- else -%} {{ no_rows_of(name) }} {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro with_all_columns(name, rows, present) -%}
    {%- set present = present | map('lower') | list -%}
    {%- set later = lake_source(name).columns.values() | rejectattr('name', 'in', present) | list -%}
    {%- if later -%}
    (select *{% for column in later %}, {{ null_column(column) }}{% endfor %} from {{ rows }})
    {%- else -%} {{ rows }} {%- endif -%}
{%- endmacro %}

{# The files of the run's days that exist, as DuckDB's list; the pattern for all of them where it is about all days. #}
{% macro lake_files(name) %}
    {% set pattern = lake_source(name).meta.files %}
    {% set days = days_of_the_run() %}
    {% set found = [] %}
    {% for one in days | map('string') | map('replace', "'", '') if days %}
        {# A day of a table that people add to is a folder. #}
        {% set in_folders = '/*/' in pattern %}
        {% set file = pattern | replace('/*/', '/' ~ one ~ '/') if in_folders else pattern | replace('*.parquet', one ~ '.parquet') %}
        {% if run_query("select 1 from glob('" ~ file ~ "') limit 1") | length > 0 %}
            {% do found.append("'" ~ file ~ "'") %}
        {% endif %}
    {% endfor %}
    {% if not days and run_query("select 1 from glob('" ~ pattern ~ "') limit 1") | length > 0 %}
        {% do return("'" ~ pattern ~ "'") %}
    {% endif %}
    {% do return('[' ~ found | join(', ') ~ ']' if found else none) %}
{% endmacro %}

{#
  Whether some files lack a column that others have, which were written after the contract had got it. To unite them DuckDB keeps
  a reader of each file, for every table of every query: with ten years of days that is a gigabyte, and half of the time.
#}
{% macro differ(files) %}
    {% set uneven %}
        select name
        from (select name, file_name, count(*) as times from parquet_schema({{ files }}) group by name, file_name)
        group by name
        having sum(times) < max(times) * (select count(*) from parquet_file_metadata({{ files }}))
        limit 1
    {% endset %}
    {% do return('true' if run_query(uneven) | length > 0 else 'false') %}
{% endmacro %}

{% macro no_rows_of(name) -%}
    (select {% for column in lake_source(name).columns.values() -%}
        {{ null_column(column) }}{{ ', ' if not loop.last }}
    {%- endfor %} where false)
{%- endmacro %}

{% macro null_column(column) -%} cast(null as {{ type_here(column.data_type) }}) as {{ column.name }} {%- endmacro %}

{% macro lake_source(name) %}
    {% do return(graph.sources.values() | selectattr('source_name', 'equalto', 'lake') | selectattr('name', 'equalto', name) | first) %}
{% endmacro %}

{# The contract names types as DuckDB does; Snowflake keeps lists, of whatever, as arrays. #}
{% macro type_here(data_type) %}
    {% do return('array' if target.type == 'snowflake' and data_type.endswith('[]') else data_type) %}
{% endmacro %}

{% macro list_length(column) -%}
    {{ 'array_size(' ~ column ~ ')' if target.type == 'snowflake' else 'len(' ~ column ~ ')' }}
{%- endmacro %}

{% macro list_joined(column) -%}
    nullif(array_to_string({{ column ~ '::array' if target.type == 'snowflake' else column }}, ', '), '')
{%- endmacro %}
