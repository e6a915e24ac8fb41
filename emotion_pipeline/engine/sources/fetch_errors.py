"""The errors of sources, and why a recording cannot be fetched: codes, and one sentence for each.

Tables, checks and documentation read these names; each source decides which of them a failure has.
"""

from typing import Final, Self

from emotion_pipeline.engine.common.code_enum import CodeEnum
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.common.retries import TransientError


class FetchReason(CodeEnum):
    """Why the bytes cannot be fetched; ``meaning`` is one sentence."""

    NOT_FOUND = "not_found", "There is nothing at this address any more."
    FORBIDDEN = "forbidden", "The address asks for a login or refuses this machine."
    PRIVATE_MEDIA = "private_media", "Its owner lets only members or invited people see it."
    GEO_BLOCKED = "geo_blocked", "It may not be seen from this country."
    LIVE = "live", "It is a live stream or has not begun yet: it has no end to wait for."
    UNSUPPORTED_ADDRESS = "unsupported_address", "No source here reads addresses of this kind."
    NOT_MEDIA = "not_media", "The address answers with a page or a text, not with audio or video."
    TOO_LARGE = "too_large", "It is larger than sources.max_bytes."
    TOO_LONG = "too_long", "It is longer than sources.max_seconds."
    BLOCKED_ADDRESS = "blocked_address", "It leads to a private network, which sources.allowed_networks does not name."
    INCOMPLETE = "incomplete", "The transfer ended early, also after trying again."
    UNREACHABLE = "unreachable", "The server could not be reached, also after trying again."
    SERVER_ERROR = "server_error", "The server failed, also after trying again."
    RATE_LIMITED = "rate_limited", "The server asked to come back later than there was time for."
    FETCH_TIMEOUT = "fetch_timeout", "Fetching took longer than sources.timeout."
    EXTRACTOR_FAILED = "extractor_failed", "The page's media could not be found: yt-dlp may need an update."

    @property
    def is_retryable(self) -> bool:
        """Whether the same address may work later without anybody changing anything."""
        return self in _RETRYABLE


_RETRYABLE: Final = frozenset(
    {FetchReason.LIVE, FetchReason.INCOMPLETE, FetchReason.UNREACHABLE, FetchReason.SERVER_ERROR}
    | {FetchReason.RATE_LIMITED, FetchReason.FETCH_TIMEOUT, FetchReason.EXTRACTOR_FAILED}
)


class SourceError(EmotionPipelineError):
    """A place that cannot be listed; what was listed before stays valid."""


class FetchError(EmotionPipelineError):
    """A recording that cannot be fetched; ``reason`` is the code, the message names the address without secrets."""

    def __init__(self, reason: FetchReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def at(self, address: str) -> Self:
        """Return the same error with an address, as messages may show it, before its message."""
        return type(self)(self.reason, f"{address}: {self}")


class TransientFetchError(FetchError, TransientError):
    """A failure after which another attempt may succeed."""

    def __init__(self, reason: FetchReason, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s

    def at(self, address: str) -> Self:
        return type(self)(self.reason, f"{address}: {self}", self.retry_after_s)
