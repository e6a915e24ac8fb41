"""Keeps tables and files in storage, in a lake of Parquet files or in Snowflake."""
