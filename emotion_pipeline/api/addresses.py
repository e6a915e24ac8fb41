"""Which addresses clients may name, and the limits of fetching from them.

The engine also reads local paths, object stores and stages with the operator's rights; clients may name none of these.
The engine refuses private networks when it connects; IP addresses are refused here already, before a job is made.
"""

import socket
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from emotion_pipeline.api.problems import Problem
from emotion_pipeline.config.engine_options import fetch_limits
from emotion_pipeline.config.settings import Settings
from emotion_pipeline.engine.sources.addresses import may_be_reached, scheme_of
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.fetch_errors import FetchReason

_SCHEMES: Final = frozenset({"http", "https", "ytdlp+http", "ytdlp+https"})


def job_limits(settings: Settings) -> FetchLimits:
    """Return the limits of fetching for a client: those of the pipeline and those of uploads, whichever are lower."""
    limits, uploads = fetch_limits(settings.sources), settings.api.uploads
    return replace(
        limits,
        max_bytes=min(limits.max_bytes, uploads.max_bytes),
        max_seconds=min(limits.max_seconds, uploads.max_seconds),
    )


def check_address(address: str, limits: FetchLimits, *, webhook: bool = False) -> None:
    """Refuse an address that is invalid, not of the web, holds credentials, or is an IP address of a private network.

    Nothing is resolved or connected to. Raises Problem 422.
    """
    scheme = scheme_of(address)
    if scheme not in (_SCHEMES if not webhook else {"http", "https"}):
        raise _refused(FetchReason.UNSUPPORTED_ADDRESS, "Give an http or https address.")
    try:
        parts = urlsplit(address.removeprefix("ytdlp+"))
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(FetchReason.UNSUPPORTED_ADDRESS, "It is not a valid web address.") from error
    if not host or port == 0 or any(letter.isspace() or not letter.isprintable() for letter in address):
        raise _refused(FetchReason.UNSUPPORTED_ADDRESS, "It is not a valid web address.")
    if "@" in parts.netloc or "\\" in address:
        raise _refused(
            FetchReason.UNSUPPORTED_ADDRESS, "Addresses with user names, passwords or backslashes are refused."
        )
    if not all(may_be_reached(number, limits.allowed_networks) for number in _numbers(host)):
        raise _refused(FetchReason.BLOCKED_ADDRESS, "It leads to a private network.")


def _numbers(host: str) -> list[str]:
    """Return the IP addresses that a host in any numeric spelling stands for; none for a name."""
    try:
        entries = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]).partition("%")[0] for entry in entries]


def _refused(reason: FetchReason, detail: str) -> Problem:
    return Problem(422, reason.value, detail)
