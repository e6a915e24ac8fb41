{# Ends where nobody will look it up; partitions begin in 2024. #}
select cast(date_day as date) as date_day
from ({{ dbt.date_spine('day', "cast('2024-01-01' as date)", "cast('2035-01-01' as date)") }}) as days
