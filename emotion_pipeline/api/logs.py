"""The service's log: one JSON object a line on standard error, with the request's id, its subject and its time.

No line holds texts, audio, tokens or addresses.
"""

import logging
import sys
import traceback
from pathlib import PurePath
from typing import Any, Final

import structlog
from structlog.typing import EventDict

_PACKAGE: Final = "emotion_pipeline"
_NAME: Final = f"{_PACKAGE}.api"

# Libraries that log each of their steps at a level below WARNING.
_QUIET: Final = ("httpx", "httpcore", "stamina", "alembic", "multipart", "python_multipart")

_SHARED: Final[list[Any]] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def set_up_logs(level: str) -> None:
    """Send what this process logs, through structlog or through ``logging``, to standard error as JSON."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, _without_traces],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"  # requests are logged once, by the middleware


def logger() -> Any:
    """Return the service's logger."""
    return structlog.get_logger(_NAME)


def error_location(error: BaseException) -> str:
    """Return where an unexpected error arose: the innermost frame of ours as ``module.py:line function``.

    Log this and the type of the error, not its message, which may hold secrets.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown"
    ours = [frame for frame in frames if _PACKAGE in PurePath(frame.filename).parts]
    last = (ours or frames)[-1]
    return f"{PurePath(last.filename).name}:{last.lineno} {last.name}"


def _without_traces(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Reduce a traceback that a library logs to the type of its error: traces hold paths and values."""
    record = event.get("_record")
    if record is not None and record.exc_info:
        error = record.exc_info[1]
        event["error"] = type(error).__name__
        record.exc_info = record.exc_text = None
    event.pop("exc_info", None)
    event["event"] = str(event.get("event", "")).partition("\n")[0]  # uvicorn logs traces as text, too
    return event
