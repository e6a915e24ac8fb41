"""What a failure of yt-dlp means for a recording: one table from its errors to reasons.

yt-dlp wraps errors in errors: the first rule that fits any of them decides. Secrets of addresses and advice for its
command line are removed from its messages. Importing this module loads yt-dlp.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple, TypeAlias

import httpx
from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    RequestError,
    TransportError,
)
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    UnavailableVideoError,
    UnsupportedError,
    UserNotLive,
    YoutubeDLError,
)
from yt_dlp.version import __version__ as installed_version

from emotion_pipeline.engine.common.retries import retry_after_s
from emotion_pipeline.engine.sources.addresses import shown
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, TransientFetchError

# Sites change faster than that: an older yt-dlp is the likely cause of a failure.
OLD_AFTER_DAYS: Final = 60

_LONGEST_QUOTE: Final = 300
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_QUERY: Final = re.compile(r"\?[^\s'\"<>]*=[^\s'\"<>]*")
_FOR_THE_COMMAND_LINE: Final = re.compile(
    r"[.;,]?\s*(?:please report this issue|(?:stopping due to|use(?: the)?) --|You might want to use a VPN|See\s+https://github\.com/yt-dlp).*",
    re.IGNORECASE | re.DOTALL,
)
_LABEL: Final = re.compile(r"^(?:\x1b\[[0-9;]*m|ERROR:|\[\S+\]|Got error:|\s)+")
_NEEDS_RUNTIME: Final = re.compile(r"JavaScript runtime|challenge solver|challenge solving", re.IGNORECASE)

_Test: TypeAlias = Callable[[BaseException], bool]


class Rule(NamedTuple):
    """The reason of the errors that pass ``fits``; ``explanation`` replaces yt-dlp's own message."""

    reason: FetchReason
    fits: _Test
    explanation: str | None = None
    is_transient: bool = False


def _typed(*kinds: type[BaseException]) -> _Test:
    return lambda error: isinstance(error, kinds)


def _worded(words: str) -> _Test:
    """Fit messages of the site, which yt-dlp passes on as expected errors; other errors do not quote it."""
    pattern = re.compile(words, re.IGNORECASE)
    return lambda error: isinstance(error, ExtractorError) and error.expected and bool(pattern.search(error.orig_msg))


def _status(*statuses: int) -> _Test:
    return lambda error: isinstance(error, HTTPError) and error.status in statuses


_MANUALLY: Final = "download it by hand and put the file into the day's folder, or remove the address"
_CHECK: Final = "open the address in a browser and correct or remove it"
_LATER: Final = "it is tried again with the next run"
# What to do, in messages.
_ADVICE: Final = {
    FetchReason.LIVE: "add the recording's own address when it is over",
    FetchReason.GEO_BLOCKED: _MANUALLY,
    FetchReason.NOT_MEDIA: _CHECK,
    FetchReason.UNSUPPORTED_ADDRESS: _MANUALLY,
    FetchReason.PRIVATE_MEDIA: "ask its owner for the file",
    FetchReason.FORBIDDEN: _MANUALLY,
    FetchReason.RATE_LIMITED: _LATER,
    FetchReason.NOT_FOUND: _CHECK,
    FetchReason.SERVER_ERROR: _LATER,
    FetchReason.UNREACHABLE: "check the address, the network and the certificates of this machine",
    FetchReason.INCOMPLETE: "check that the disk for temporary files has room; " + _LATER,
}

_NO_PROTOCOL: Final = "its media are not offered over http or https"
_LOOP: Final = "it redirects in a circle or to no address"
_OWNER: Final = r"\bprivate\b|\bmembers\b|join this channel|subscri|premium|purchase|\brent"
_GONE: Final = r"removed|deleted|terminated|not exist|unavailable|not? .*available"

# The first that fits decides; a site's message comes before the status that it is sent with. yt-dlp has no types for
# what the messages distinguish, which differ in what the user can do.
RULES: Final = (
    Rule(FetchReason.LIVE, _typed(UserNotLive)),
    Rule(FetchReason.GEO_BLOCKED, _typed(GeoRestrictedError)),
    Rule(FetchReason.NOT_MEDIA, _typed(UnsupportedError), "no audio or video on the page"),
    Rule(FetchReason.UNSUPPORTED_ADDRESS, _worded(r"\bDRM\b")),
    Rule(FetchReason.UNSUPPORTED_ADDRESS, _worded("format is not available"), _NO_PROTOCOL),
    Rule(FetchReason.GEO_BLOCKED, _worded(r"in (this|your) (country|region|location)")),
    Rule(FetchReason.LIVE, _worded(r"will begin|premieres|live.*(not|ended)|not live|offline")),
    Rule(FetchReason.PRIVATE_MEDIA, _worded(_OWNER)),
    Rule(FetchReason.FORBIDDEN, _worded(r"log.?in\b|logged.?in|sign in|password|cookies|your age")),
    Rule(FetchReason.RATE_LIMITED, _worded(r"rate.?limit|too many requests"), is_transient=True),
    Rule(FetchReason.NOT_FOUND, _worded(_GONE)),
    Rule(FetchReason.NOT_FOUND, _status(404, 410)),
    Rule(FetchReason.RATE_LIMITED, _status(429), is_transient=True),
    Rule(FetchReason.SERVER_ERROR, _status(408, 425), is_transient=True),
    Rule(FetchReason.FORBIDDEN, _status(*range(400, 500))),
    Rule(FetchReason.SERVER_ERROR, _typed(HTTPError), is_transient=True),
    Rule(FetchReason.SERVER_ERROR, _typed(httpx.TooManyRedirects, httpx.InvalidURL), _LOOP),
    Rule(FetchReason.UNREACHABLE, _typed(CertificateVerifyError), "the server's certificate is not trusted"),
    Rule(FetchReason.INCOMPLETE, _typed(IncompleteRead, ContentTooShortError), "the transfer broke off", True),
    Rule(FetchReason.UNREACHABLE, _typed(TransportError), "the server does not answer", True),
    Rule(FetchReason.INCOMPLETE, _typed(UnavailableVideoError)),
    Rule(FetchReason.EXTRACTOR_FAILED, _typed(Exception)),
)


def fetch_error(
    error: Exception,
    address: str,
    today: date,
    *,
    last_failure: RequestError | None = None,
    warnings: Sequence[str] = (),
) -> FetchError:
    """Return what ``error``, raised by yt-dlp, means for ``address``.

    :param last_failure: the last request that failed; used where ``error`` keeps no cause
    :param warnings: those that yt-dlp logged before
    :return: a ``TransientFetchError`` where trying again at once may help
    """
    linked = list(_linked(error))
    if last_failure is not None and isinstance(error, DownloadError) and not (error.exc_info or (None,))[0]:
        linked += _linked(last_failure)
    refusal = next((cause for cause in linked if isinstance(cause, FetchError)), None)
    if refusal is not None:
        return refusal.at(shown(address))
    rule, cause = next((rule, cause) for rule in RULES for cause in linked if rule.fits(cause))
    advice = _ADVICE.get(rule.reason) or _update(installed_version, today, [str(error), *warnings])
    message = f"{shown(address)}: {rule.explanation or _message_of(cause)}; {advice}"
    if not rule.is_transient:
        return FetchError(rule.reason, message)
    wait_s = retry_after_s(httpx.Headers(dict(cause.response.headers))) if isinstance(cause, HTTPError) else None
    return TransientFetchError(rule.reason, message, wait_s)


def _linked(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all its causes, nearest first, with those that yt-dlp keeps in its own attributes."""
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = (getattr(current, "exc_info", None) or (None, None, None))[1]
        context = None if current.__suppress_context__ else current.__context__
        links = (getattr(current, "cause", None), wrapped, current.__cause__, context)
        waiting += [link for link in links if isinstance(link, BaseException)]


def _message_of(error: BaseException) -> str:
    """Return yt-dlp's message without secrets, labels and advice for its command line."""
    if isinstance(error, HTTPError):
        return f"the server answered {error.status}"
    text = error.orig_msg if isinstance(error, ExtractorError) else str(error)
    if not isinstance(error, YoutubeDLError):  # a fault of an extractor, whose message says little without its type
        text = f"{type(error).__name__}: {text}"
    text = _FOR_THE_COMMAND_LINE.sub("", _LABEL.sub("", text))
    text = _QUERY.sub("?…", _ADDRESS.sub(lambda match: shown(match[0]).partition("?")[0], text))
    return " ".join(text.split())[:_LONGEST_QUOTE].rstrip(" .;") or "yt-dlp gives no reason"


def _update(version: str, today: date, messages: Sequence[str]) -> str:
    """Return the advice for a page that yt-dlp could not read, with the age of an old yt-dlp."""
    try:
        age = (today - date(*(int(part) for part in version.split(".")[:3]))).days
    except ValueError:  # a version built from the source
        age = 0
    old = f", {age} days old" if age > OLD_AFTER_DAYS else ""
    advice = f"update yt-dlp (installed is {version}{old}): pip install -U 'yt-dlp[default]'"
    if any(_NEEDS_RUNTIME.search(message) for message in messages):
        advice += "; the site also needs a JavaScript runtime: install deno (https://deno.com) and yt-dlp-ejs"
    return advice
