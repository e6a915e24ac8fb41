{# From the first partition on; ends where nobody will look it up. #}
select cast(date_day as date) as date_day
from ({{ dbt.date_spine('day', "cast('" ~ env_var('FIRST_DAY', '2015-01-01') ~ "' as date)", "cast('2035-01-01' as date)") }}) as days
