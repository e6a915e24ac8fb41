{# Passes when the columns of every row add up to 1, or are all null because there was nothing to share. Stored
   probabilities are rounded to nine digits, so their sum is 1 but for some billionths. #}
{% test shares_sum_to_one(model, columns) %}

with totals as (
    select
        *,
        {{ columns | join(' + ') }} as total,
        coalesce({{ columns | join(', ') }}) as any_share
    from {{ model }}
)

select * from totals
where abs(total - 1.0) > 1e-6 or (total is null and any_share is not null)

{% endtest %}
