"""What a failure of yt-dlp means: one table from its typed errors, and the words of its untyped ones, to reasons.

yt-dlp wraps errors in errors: all that hang together are looked at, and the first rule of the table that fits any of
them decides. Its messages carry addresses with their secrets and advice for its own command line; what is passed on is
stripped of both. Importing this module loads yt-dlp.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

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
    DownloadCancelled,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    PostProcessingError,
    UnavailableVideoError,
    UnsupportedError,
    UserNotLive,
    YoutubeDLError,
)
from yt_dlp.version import __version__ as installed_version

from emotion_pipeline.engine.common.retry_after import retry_after_s
from emotion_pipeline.engine.sources.addresses import shown
from emotion_pipeline.engine.sources.base import FetchError
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import TransientFetchError

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
_WANTS_A_RUNTIME: Final = re.compile(r"JavaScript runtime|challenge solver|challenge solving", re.IGNORECASE)

_Test: TypeAlias = Callable[[BaseException], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: an error that passes ``fits`` has this reason.

    ``says`` stands in the message where yt-dlp's own words say nothing to people; ``advice`` is what to do.
    """

    name: str
    reason: FetchReason
    fits: _Test
    advice: str
    says: str | None = None
    may_pass: bool = False


def _typed(*kinds: type[BaseException]) -> _Test:
    return lambda error: isinstance(error, kinds)


def _worded(words: str) -> _Test:
    """Fit what a site itself said: an error that the extractor had not reckoned with says nothing in such words."""
    pattern = re.compile(words, re.IGNORECASE)
    return lambda error: isinstance(error, ExtractorError) and error.expected and bool(pattern.search(error.orig_msg))


def _status(fits: Callable[[int], bool]) -> _Test:
    return lambda error: isinstance(error, HTTPError) and fits(error.status)


_LOG_IN: Final = "download it by hand and put the file into the day's folder, or remove the address"
_LOOK: Final = "open the address in a browser and correct or remove it"
_LATER: Final = "it is tried again with the next run"

# In the order in which they are asked: what a site says in words comes before the status that it says it with.
RULES: Final = (
    Rule("not live", FetchReason.LIVE, _typed(UserNotLive), "add the recording's own address when it is over"),
    Rule("geo-restricted", FetchReason.GEO_BLOCKED, _typed(GeoRestrictedError), _LOG_IN),
    Rule("unsupported", FetchReason.NOT_MEDIA, _typed(UnsupportedError), _LOOK, "no audio or video on the page"),
    Rule("protected", FetchReason.UNSUPPORTED_ADDRESS, _worded(r"\bDRM\b|no longer supported"), "remove the address"),
    Rule(
        "no such protocol",
        FetchReason.UNSUPPORTED_ADDRESS,
        _worded("Requested format is not available"),
        _LOG_IN,
        "its media come in no way that is read here, which is over http and https",
    ),
    Rule(
        "abroad", FetchReason.GEO_BLOCKED, _worded(r"geo.?restrict|in (this|your) (country|region|location)"), _LOG_IN
    ),
    Rule(
        "live",
        FetchReason.LIVE,
        _worded(
            r"live ?(event|stream|broadcast)?.{0,20}(will begin|is scheduled|not (yet )?started|has ended)"
            r"|not (yet )?(started|begun)|premieres? (in|will)|not (currently )?live|\bis offline\b"
        ),
        "add the recording's own address when it is over",
    ),
    Rule(
        "for invited people",
        FetchReason.PRIVATE_MEDIA,
        _worded(
            r"\bprivate\b|members?.only|\bmembers\b|join this channel|subscri(be|ber|bers|ption)\b|premium|\bpaid\b"
            r"|purchase|\brent(al)?\b|does not have (access|tickets)|approved followers|only .{0,20}friends"
        ),
        "ask its owner for the file",
    ),
    Rule(
        "wants a login",
        FetchReason.FORBIDDEN,
        _worded(
            r"log.?in\b|logged.?in|sign in|(your|an) account|authenticat|authori[sz]ed|password|cookies"
            r"|not a bot|your age"
        ),
        _LOG_IN,
    ),
    Rule(
        "asked too often",
        FetchReason.RATE_LIMITED,
        _worded(r"rate.?limit|too many requests|play limit"),
        _LATER,
        may_pass=True,
    ),
    Rule(
        "gone",
        FetchReason.NOT_FOUND,
        _worded(r"removed|deleted|terminated|no longer available|does(n.t| not) exist|\bunavailable\b|not available"),
        _LOOK,
    ),
    Rule("status 404", FetchReason.NOT_FOUND, _status(lambda status: status in {404, 410}), _LOOK),
    Rule("status 429", FetchReason.RATE_LIMITED, _status(lambda status: status == 429), _LATER, may_pass=True),
    Rule(
        "status 4xx",
        FetchReason.FORBIDDEN,
        _status(lambda status: 400 <= status < 500 and status not in {408, 425}),
        _LOG_IN,
    ),
    Rule("other status", FetchReason.SERVER_ERROR, _status(lambda _: True), _LATER, may_pass=True),
    Rule(
        "circle",
        FetchReason.SERVER_ERROR,
        _typed(httpx.TooManyRedirects, httpx.InvalidURL),
        _LOOK,
        "it redirects in a circle or to no address",
    ),
    Rule(
        "certificate",
        FetchReason.UNREACHABLE,
        _typed(CertificateVerifyError),
        "check the address and the certificates of this machine",
        "the server's certificate is not trusted",
    ),
    Rule(
        "broken off",
        FetchReason.INCOMPLETE,
        _typed(IncompleteRead, ContentTooShortError),
        _LATER,
        "the transfer broke off",
        may_pass=True,
    ),
    Rule(
        "no connection",
        FetchReason.UNREACHABLE,
        _typed(TransportError),
        "check the address and the network",
        "the server does not answer",
        may_pass=True,
    ),
    Rule(
        "not written",
        FetchReason.INCOMPLETE,
        _typed(UnavailableVideoError),
        "check that the disk for temporary files has room",
    ),
    Rule("cancelled", FetchReason.EXTRACTOR_FAILED, _typed(DownloadCancelled, PostProcessingError), "{update}"),
    Rule("anything else", FetchReason.EXTRACTOR_FAILED, _typed(Exception), "{update}"),
)


def fetch_error(
    error: Exception,
    address: str,
    today: date,
    *,
    last_failure: RequestError | None = None,
    warnings: Sequence[str] = (),
) -> FetchError:
    """Return the error that tells people what ``error``, raised by yt-dlp, means for ``address``.

    :param last_failure: the last request that failed; looked at where ``error`` keeps no cause
    :param warnings: what yt-dlp warned about before
    :return: a ``TransientFetchError`` where trying again at once may help
    """
    linked = list(_linked(error))
    if last_failure is not None and isinstance(error, DownloadError) and not (error.exc_info or (None,))[0]:
        linked += _linked(last_failure)
    known = next((one for one in linked if isinstance(one, FetchError)), None)
    if known is not None:
        return FetchError(known.reason, f"{shown(address)}: {known}")
    rule, culprit = next((rule, one) for rule in RULES for one in linked if rule.fits(one))
    advice = rule.advice.format(update=_update(installed_version, today, [str(error), *warnings]))
    message = f"{shown(address)}: {rule.says or _quoted(culprit)}; {advice}"
    if not rule.may_pass:
        return FetchError(rule.reason, message)
    asked_s = retry_after_s(httpx.Headers(dict(culprit.response.headers))) if isinstance(culprit, HTTPError) else None
    return TransientFetchError(rule.reason, message, asked_s)


def _linked(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that led to it, nearest first: causes, contexts, and what yt-dlp keeps beside."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        kept = (getattr(one, "exc_info", None) or (None, None, None))[1]
        context = None if one.__suppress_context__ else one.__context__
        links = (getattr(one, "cause", None), kept, one.__cause__, context)
        waiting += [link for link in links if isinstance(link, BaseException)]


def _quoted(error: BaseException) -> str:
    """Return yt-dlp's words without secrets, labels and advice for its own command line."""
    if isinstance(error, HTTPError):
        return f"the server answered {error.status}"
    said = error.orig_msg if isinstance(error, ExtractorError) else str(error)
    if not isinstance(error, YoutubeDLError):  # a fault of an extractor, whose words say little without their type
        said = f"{type(error).__name__}: {said}"
    said = _FOR_THE_COMMAND_LINE.sub("", _LABEL.sub("", said))
    said = _QUERY.sub("?…", _ADDRESS.sub(lambda match: shown(match[0]).partition("?")[0], said))
    return " ".join(said.split())[:_LONGEST_QUOTE].rstrip(" .;") or "yt-dlp failed without a word"


def _update(version: str, today: date, said: Sequence[str]) -> str:
    """Return the advice for a page that yt-dlp could not read, the age of yt-dlp included where it is old."""
    try:
        age = (today - date(*(int(part) for part in version.split(".")[:3]))).days
    except ValueError:  # a version built from the source
        age = 0
    old = f", {age} days old" if age > OLD_AFTER_DAYS else ""
    advice = f"update yt-dlp (installed is {version}{old}): pip install -U 'yt-dlp[default]'"
    if any(_WANTS_A_RUNTIME.search(one) for one in said):
        advice += "; the site also needs a JavaScript runtime: install deno (https://deno.com) and yt-dlp-ejs"
    return advice
