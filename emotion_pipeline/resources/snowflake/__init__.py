"""Snowflake as a warehouse of the pipeline: whole partitions, replaced in one transaction.

``warehouse`` has the order of things, ``statements`` their SQL, ``travel`` what rows look like on the way, ``session``
opens connections, ``failures`` knows which errors may pass, and ``target`` which schema a deployment may write to.
"""
