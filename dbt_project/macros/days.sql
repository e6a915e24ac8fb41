{#
  Which days a run is about: those in MARTS_DAYS, separated by commas, or all days where it is empty. An environment variable
  and no --vars, because a change of the latter makes dbt parse the whole project anew.
#}
{% macro days_of_the_run() %}
    {% do return(env_var('MARTS_DAYS', '').split(',') | map('trim') | reject('equalto', '') | list) %}
{% endmacro %}

{# A condition: the day is one of the run's; true where the run is about all days, or the mart is built from nothing. #}
{% macro is_of_the_run(column='recording_date') -%}
    {%- set days = days_of_the_run() -%}
    {%- if days and is_incremental() -%} {{ column }} in ({{ sql_days(days) }}) {%- else -%} true {%- endif -%}
{%- endmacro %}

{% macro sql_days(days) -%}
    {% for day in days %}cast('{{ day }}' as date){{ ', ' if not loop.last }}{% endfor %}
{%- endmacro %}

{#
  The incremental strategy of the marts: the run's days, all of them and no other, are taken out and put in anew in one
  transaction. dbt's delete+insert takes out only days that the new rows have, so a day that became empty would keep its old rows.
#}
{% macro get_incremental_replace_days_sql(arguments) %}
    {%- set columns = get_quoted_csv(arguments['dest_columns'] | map(attribute='name')) -%}
    {%- set days = days_of_the_run() -%}
    {%- set replace -%}
        delete from {{ arguments['target_relation'] }}
        {%- if days %} where recording_date in ({{ sql_days(days) }}){% endif %};
        insert into {{ arguments['target_relation'] }} ({{ columns }})
        select {{ columns }} from {{ arguments['temp_relation'] }}
    {%- endset -%}
    {% do return(snowflake_dml_explicit_transaction(replace) if target.type == 'snowflake' else replace) %}
{% endmacro %}
