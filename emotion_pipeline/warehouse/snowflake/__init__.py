"""The tables in Snowflake: a partition is replaced in one transaction."""
