"""What a failure of Snowflake, or of its connector, means: one table from errors to reasons.

The connector tells the signed addresses of files in messages and in logs; nothing of either is passed on. Numbers:
https://docs.snowflake.com/en/user-guide/python-connector-api, and ``snowflake.connector.errorcode``.
"""

import logging
import re
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from typing import Final

from emotion_pipeline.engine.sources.base import FetchError, FetchLimits
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import TransientFetchError
from emotion_pipeline.engine.sources.time_limit import OutOfTimeError

_QUERY: Final = re.compile(r"\?[^\s'\"]+")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of the table: an error of one of ``kinds``, with one of ``numbers`` if there are any, and ``words``."""

    reason: FetchReason
    says: str
    kinds: tuple[str, ...] = ("Error",)
    numbers: Container[int] | None = None
    words: str = ""
    may_pass: bool = False

    def fits(self, error: Exception) -> bool:
        names = {kind.__name__ for kind in type(error).__mro__}
        numbered = self.numbers is None or number_of(error) in self.numbers
        return bool(names & set(self.kinds)) and numbered and self.words in (getattr(error, "msg", None) or "")


# ER_FAILED_TO_DOWNLOAD_FROM_STAGE of the connector.
_TRANSFER: Final = {253_002}
_RIGHTS: Final = "the role may not read it; check credentials and role, and grant READ on the stage"

# In the order in which they are asked; numbers are those of Snowflake's and the connector's errors.
_RULES: Final = (
    _Rule(
        FetchReason.NOT_FOUND,
        "there is no such stage, or the role may not see it; check the address, and grant READ on the stage",
        numbers={2003, 2043},
    ),
    _Rule(FetchReason.FORBIDDEN, _RIGHTS, numbers={3001}),
    _Rule(FetchReason.FORBIDDEN, "the login failed; check SNOWFLAKE_*", numbers=range(390_000, 391_000)),
    _Rule(FetchReason.FORBIDDEN, _RIGHTS, kinds=("ForbiddenError",)),
    _Rule(FetchReason.FORBIDDEN, "its storage refuses this machine", numbers=_TRANSFER, words="HTTPError('403"),
    _Rule(FetchReason.NOT_FOUND, "its storage has it no more", numbers=_TRANSFER, words="HTTPError('404"),
    _Rule(FetchReason.INCOMPLETE, "the transfer broke off", numbers=_TRANSFER, may_pass=True),
    _Rule(FetchReason.RATE_LIMITED, "Snowflake wants fewer requests", kinds=("TooManyRequests",), may_pass=True),
    _Rule(
        FetchReason.SERVER_ERROR,
        "Snowflake failed",
        kinds=(
            "InternalServerError",
            "ServiceUnavailableError",
            "GatewayTimeoutError",
            "BadGatewayError",
            "RequestTimeoutError",
            "OtherHTTPRetryableError",
        ),
        may_pass=True,
    ),
    _Rule(FetchReason.INCOMPLETE, "Snowflake's answer broke off", kinds=("ChunkedEncodingError",), may_pass=True),
    _Rule(
        FetchReason.UNREACHABLE,
        "the certificate of the server is not trusted; check the host and the certificates of this machine",
        kinds=("NonRetryableTlsError", "RevocationCheckError"),
    ),
    _Rule(
        FetchReason.UNSUPPORTED_ADDRESS,
        "Snowflake does not understand it ({number}); is it an internal stage, spelled as in SQL?",
        kinds=("ProgrammingError",),
    ),
    _Rule(
        FetchReason.UNREACHABLE,
        "Snowflake does not answer ({number}); check the network",
        kinds=("Error", "RequestException"),
        may_pass=True,
    ),
)


def failure_of(error: Exception, address: str, limits: FetchLimits) -> FetchError | None:
    """Return what ``error`` means for an address as it may be shown; None where it is no failure of Snowflake's."""
    from snowflake.connector import errors
    from snowflake.connector.vendored.requests.exceptions import RequestException

    if isinstance(error, TransientFetchError):
        return TransientFetchError(error.reason, f"{address}: {error}", error.retry_after_s)
    if isinstance(error, FetchError):
        return FetchError(error.reason, f"{address}: {error}")
    if isinstance(error, OutOfTimeError):
        message = f"{address}: not done after {limits.timeout_s:g} s; raise sources.timeout if it is large"
        return FetchError(FetchReason.FETCH_TIMEOUT, message)
    if not isinstance(error, errors.Error | RequestException):  # the connector lets some of its transport's out
        return None
    rule = next(rule for rule in _RULES if rule.fits(error))
    message = f"{address}: {rule.says.format(number=number_of(error))}"
    return (TransientFetchError if rule.may_pass else FetchError)(rule.reason, message)


def number_of(error: Exception) -> int:
    """Return Snowflake's or the connector's number of an error; 0 where its transport failed, which has none."""
    number = getattr(error, "errno", None)
    return number if isinstance(number, int) else 0


class _NoSignatures(logging.Filter):
    """The connector tells signed addresses of files when a transfer fails: they are told without what signs them."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            said = f"{said} ({record.exc_info[0].__name__})"
        record.msg, record.args, record.exc_info = _QUERY.sub("?***", said), None, None
        return True


@cache
def keep_secrets_out_of_logs() -> None:
    """Add the filter, once per process: whoever listens to these loggers gets no signature."""
    for name in ("storage_client", "file_transfer_agent", "vendored.urllib3.connectionpool", "cursor", "network"):
        logging.getLogger(f"snowflake.connector.{name}").addFilter(_NoSignatures())
