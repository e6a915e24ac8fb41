"""Snowflake Cortex: models that run inside Snowflake and are called in SQL, as back ends of sentiment and words.

What is known of the functions was read in Snowflake's documentation, not run: each module says where. How tables and
recordings are read from Snowflake is no business of this package.
"""
