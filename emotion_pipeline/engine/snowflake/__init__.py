"""Sends statements to Snowflake for the parts of the engine that work there."""
