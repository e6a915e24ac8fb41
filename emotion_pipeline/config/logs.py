"""Where the notices of libraries go: to Python's logging, never between the lines that a program prints for others.

Every entry point calls ``to_logging`` once. What the pipeline itself reports goes to Dagster or to standard output.
"""

import stamina.instrumentation


def to_logging() -> None:
    """Send notices of attempts that are made again to the logger ``stamina``; left alone they may go to stdout."""
    stamina.instrumentation.set_on_retry_hooks([stamina.instrumentation.LoggingOnRetryHook])
