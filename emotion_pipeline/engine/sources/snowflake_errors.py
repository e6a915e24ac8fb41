"""What a failure of Snowflake means for a recording on a stage.

Messages quote nothing, since the connector's own hold signed addresses of files. Importing this module loads the
connector.
"""

import re
from typing import Final

from snowflake.connector import errors
from snowflake.connector.errorcode import ER_FAILED_TO_DOWNLOAD_FROM_STAGE
from snowflake.connector.vendored.requests.exceptions import ChunkedEncodingError

from emotion_pipeline.engine.snowflake.failures import (
    ACCESS_ERRORS,
    FAILURES,
    LOGIN_ERRORS,
    UNKNOWN_OBJECT_ERRORS,
    error_number,
    is_untrusted,
)
from emotion_pipeline.engine.sources.fetch_errors import FetchReason
from emotion_pipeline.engine.sources.retries import Failure

# The connector states the status of a failed transfer nowhere else.
_STATUS: Final = re.compile(r"HTTPError\('(\d{3})")
_SERVER_ERRORS: Final = (
    *(errors.BadGatewayError, errors.GatewayTimeoutError, errors.InternalServerError),
    *(errors.OtherHTTPRetryableError, errors.RequestTimeoutError, errors.ServiceUnavailableError),
)
_TRANSFER_FAILURES: Final = {
    "403": (FetchReason.FORBIDDEN, "the storage of the stage refuses this machine"),
    "404": (FetchReason.NOT_FOUND, "the storage of the stage no longer has it"),
}


def classify(error: Exception) -> Failure | None:
    """Return what an error means; None where it is no failure of Snowflake or its connector."""
    if not isinstance(error, FAILURES):
        return None
    number = error_number(error)
    if number in UNKNOWN_OBJECT_ERRORS:
        advice = "check the address, and grant READ on the stage"
        failure = FetchReason.NOT_FOUND, f"there is no such stage, or the role may not see it; {advice}"
    elif number in LOGIN_ERRORS:
        failure = FetchReason.FORBIDDEN, "the login failed; check SNOWFLAKE_*"
    elif number in ACCESS_ERRORS or isinstance(error, errors.ForbiddenError):
        advice = "check credentials and role, and grant READ on the stage"
        failure = FetchReason.FORBIDDEN, f"the role may not read it; {advice}"
    elif number == ER_FAILED_TO_DOWNLOAD_FROM_STAGE:
        status = _STATUS.search(getattr(error, "msg", None) or "")
        broken = FetchReason.INCOMPLETE, "the transfer broke off"
        failure = _TRANSFER_FAILURES.get(status[1], broken) if status else broken
    elif isinstance(error, errors.TooManyRequests):
        failure = FetchReason.RATE_LIMITED, "Snowflake asks for fewer requests"
    elif isinstance(error, _SERVER_ERRORS):
        failure = FetchReason.SERVER_ERROR, "Snowflake failed"
    elif isinstance(error, ChunkedEncodingError):
        failure = FetchReason.INCOMPLETE, "Snowflake's answer broke off"
    elif is_untrusted(error):
        advice = "check the host and the certificates of this machine"
        return Failure(FetchReason.UNREACHABLE, f"the server's certificate is not trusted; {advice}")
    elif isinstance(error, errors.ProgrammingError):
        question = "is it an internal stage, spelled as in SQL?"
        failure = FetchReason.UNSUPPORTED_ADDRESS, f"Snowflake does not understand it ({number}); {question}"
    else:
        failure = FetchReason.UNREACHABLE, f"Snowflake does not answer ({number}); check the network"
    return Failure(*failure, is_transient=failure[0].is_retryable)
