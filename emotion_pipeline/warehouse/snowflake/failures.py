"""Which failures of Snowflake may pass, so that the same thing is worth trying again on a new connection.

Everything that is not listed is permanent: a wrong password, a missing right, a statement that Snowflake does not
understand. Trying a write again is safe even where nobody knows whether the first COMMIT was done, because it replaces
the partition by the same rows. Numbers: ``snowflake.connector.errorcode``, and Snowflake's own.
"""

from typing import Final

from snowflake.connector import errorcode, errors
from snowflake.connector.vendored.requests import exceptions as transport

# Everything that a statement may raise where it is not done: the connector lets some of its transport's errors out.
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

# Of OperationalError and InterfaceError: the network is gone, or a transfer broke off.
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

# Of any kind of error: what the server says of a statement that another connection may well get through.
_PASSING_CODES: Final = {
    625,  # another transaction holds the lock for too long
    390_104,  # the server knows the session's token no more,
    390_111,  # nor the session,
    390_112,  # which expired
    390_114,  # together with its master token
}

_NEVER: Final = (errors.NonRetryableTlsError, errors.RevocationCheckError)


def may_pass(error: Exception) -> bool:
    """Tell whether trying again on a new connection may help."""
    if isinstance(error, _BROKEN_OFF):
        return True
    if not isinstance(error, errors.Error) or isinstance(error, _NEVER):
        return False
    if isinstance(error, _PASSING) or error.errno in _PASSING_CODES:
        return True
    return isinstance(error, errors.OperationalError | errors.InterfaceError) and error.errno in _PASSING_NUMBERS
