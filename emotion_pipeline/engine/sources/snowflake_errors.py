"""What a failure of Snowflake means for a recording on a stage. Messages quote nothing: the connector's own hold signed
addresses of files. Importing this module loads the connector.
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
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.library_calls import Failure

# The connector states the status of a failed transfer nowhere else.
_STATUS: Final = re.compile(r"HTTPError\('(\d{3})")
_SERVER_ERRORS: Final = (
    errors.BadGatewayError,
    errors.GatewayTimeoutError,
    errors.InternalServerError,
    errors.OtherHTTPRetryableError,
    errors.RequestTimeoutError,
    errors.ServiceUnavailableError,
)
_FORBIDDEN: Final = "the role may not read it; check credentials and role, and grant READ on the stage"


def classify(error: Exception) -> Failure | None:
    """Return what an error means; None where it is no failure of Snowflake or its connector."""
    if not isinstance(error, FAILURES):
        return None
    number = error_number(error)
    is_transfer = number == ER_FAILED_TO_DOWNLOAD_FROM_STAGE
    status = _STATUS.search(getattr(error, "msg", None) or "") if is_transfer else None
    rules = (
        (
            number in UNKNOWN_OBJECT_ERRORS,
            FetchReason.NOT_FOUND,
            "there is no such stage, or the role may not see it; check the address, and grant READ on the stage",
        ),
        (number in LOGIN_ERRORS, FetchReason.FORBIDDEN, "the login failed; check SNOWFLAKE_*"),
        (number in ACCESS_ERRORS or isinstance(error, errors.ForbiddenError), FetchReason.FORBIDDEN, _FORBIDDEN),
        (status and status[1] == "403", FetchReason.FORBIDDEN, "the storage of the stage refuses this machine"),
        (status and status[1] == "404", FetchReason.NOT_FOUND, "the storage of the stage no longer has it"),
        (is_transfer, FetchReason.INCOMPLETE, "the transfer broke off"),
        (isinstance(error, errors.TooManyRequests), FetchReason.RATE_LIMITED, "Snowflake asks for fewer requests"),
        (isinstance(error, _SERVER_ERRORS), FetchReason.SERVER_ERROR, "Snowflake failed"),
        (isinstance(error, ChunkedEncodingError), FetchReason.INCOMPLETE, "Snowflake's answer broke off"),
        (
            is_untrusted(error),
            FetchReason.UNREACHABLE,
            "the server's certificate is not trusted; check the host and the certificates of this machine",
        ),
        (
            isinstance(error, errors.ProgrammingError),
            FetchReason.UNSUPPORTED_ADDRESS,
            f"Snowflake does not understand it ({number}); is it an internal stage, spelled as in SQL?",
        ),
        (True, FetchReason.UNREACHABLE, f"Snowflake does not answer ({number}); check the network"),
    )
    reason, explanation = next((reason, explanation) for applies, reason, explanation in rules if applies)
    return Failure(reason, explanation, is_transient=reason.is_retryable and not is_untrusted(error))
