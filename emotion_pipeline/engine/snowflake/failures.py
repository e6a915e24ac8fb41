"""Error numbers of Snowflake and its connector, and which failures are worth another attempt on a new connection.

All failures that are not listed are permanent: a wrong password, a missing right, a statement that Snowflake does not
understand. What a failure means to a caller is not decided here. Importing this module loads the connector.
"""

from typing import Final

from snowflake.connector import errorcode, errors
from snowflake.connector.vendored.requests import exceptions as transport

# All that a statement may raise; the connector does not wrap all errors of its transport.
FAILURES: Final = (errors.Error, transport.RequestException)

# Answers of HTTP that the connector itself has tried again for a while.
_PASSING: Final = (
    errors.BadGatewayError,
    errors.GatewayTimeoutError,
    errors.InternalServerError,
    errors.OtherHTTPRetryableError,
    errors.PresignedUrlExpiredError,
    errors.RequestExceedMaxRetryError,
    errors.RequestTimeoutError,
    errors.ServiceUnavailableError,
    errors.TokenExpiredError,
    errors.TooManyRequests,
)

# The connection ended in the middle of an answer.
_BROKEN_OFF: Final = (transport.ChunkedEncodingError, transport.ConnectionError, transport.Timeout)

# Numbers of OperationalError and InterfaceError: the network is gone, or a transfer broke off.
_PASSING_NUMBERS: Final = {
    errorcode.ER_FAILED_TO_CONNECT_TO_DB,
    errorcode.ER_CONNECTION_IS_CLOSED,
    errorcode.ER_FAILED_TO_REQUEST,
    errorcode.ER_FAILED_TO_SERVER,
    errorcode.ER_CONNECTION_TIMEOUT,
    errorcode.ER_RETRYABLE_CODE,
    errorcode.ER_FAILED_TO_UPLOAD_TO_STAGE,
    errorcode.ER_FAILED_TO_CHECK_EXISTING_FILES,
    errorcode.ER_CHUNK_DOWNLOAD_FAILED,
    errorcode.ER_INCOMPLETE_RESULT_CHUNK,
}

# Numbers of any kind of error: another connection may get the statement through.
_PASSING_CODES: Final = {
    625,  # another transaction holds the lock for too long
    390_104,  # the server knows the session's token no more,
    390_111,  # nor the session,
    390_112,  # which expired
    390_114,  # together with its master token
}

_UNTRUSTED: Final = (errors.NonRetryableTlsError, errors.RevocationCheckError)

# Snowflake's numbers of errors that callers tell apart.
LOGIN_ERRORS: Final = range(390_000, 391_000)
ACCESS_ERRORS: Final = frozenset({3001, 3540})
# There is no such object, or the role may not see it.
UNKNOWN_OBJECT_ERRORS: Final = frozenset({2003, 2043})


def error_number(error: Exception) -> int:
    """Return Snowflake's or the connector's number of an error; 0 where its transport failed, which has none."""
    number = getattr(error, "errno", None)
    return number if isinstance(number, int) else 0


def is_untrusted(error: Exception) -> bool:
    """Return whether the certificate of the server is not trusted."""
    return isinstance(error, _UNTRUSTED)


def may_pass(error: Exception) -> bool:
    """Return whether trying again on a new connection may help."""
    if isinstance(error, _BROKEN_OFF):
        return True
    if not isinstance(error, errors.Error) or is_untrusted(error):
        return False
    if isinstance(error, _PASSING) or error.errno in _PASSING_CODES:
        return True
    return isinstance(error, errors.OperationalError | errors.InterfaceError) and error.errno in _PASSING_NUMBERS
