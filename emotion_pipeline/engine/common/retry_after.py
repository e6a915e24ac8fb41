"""How long a server asks to be left alone, by its answer's Retry-After. Whether to wait is decided by who asked."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the server wants to be asked again, at least 0; None where it does not say.

    Source: RFC 9110, section 10.2.3: a number of seconds or a date.

    :param headers: of the answer, found whatever their case
    """
    stated = headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated)
    try:
        date = parsedate_to_datetime(stated)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
