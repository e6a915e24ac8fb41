"""A recording's words as subtitles with speaker and tone: SubRip, WebVTT, or plain lines of text.

It is read from a ``RecordingResult``. Cues come in order of their start and lie inside the recording; those of people
who talk at once overlap, as both formats allow. WebVTT is that of https://www.w3.org/TR/webvtt1.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.stages.report import RecordingResult

# What fits on two lines and can be read meanwhile: BBC, Subtitle Guidelines.
_MOST_CHARACTERS: Final = 84
_MOST_SECONDS: Final = 7.0
# A cue that ends where it begins is none.
_SHORTEST_MS: Final = 1


@dataclass(frozen=True, slots=True)
class _Cue:
    """What is shown from ``start`` to ``end``, in milliseconds."""

    start: int
    end: int
    speaker: str
    tone: str
    text: str


def subtitles(result: RecordingResult, kind: str) -> str:
    """Return the words of a recording as ``srt``, ``vtt`` or ``txt``; one without words has no cue.

    :raises KeyError: another kind
    """
    return FORMATS[kind](list(_cues(result)))


def _cues(result: RecordingResult) -> Iterator[_Cue]:
    names = _names(result)
    seconds = [result.metrics.recording_seconds] if result.metrics else [segment.end for segment in result.segments]
    latest = int(1000 * max(seconds, default=0.0))
    pieces = [(segment, piece) for segment in result.segments if segment.words for piece in _pieces(segment.words)]
    for segment, words in sorted(pieces, key=lambda piece: (piece[1][0].start, piece[1][-1].end)):
        start = min(max(0, round(1000 * words[0].start)), latest - _SHORTEST_MS)
        end = max(start + _SHORTEST_MS, min(latest, round(1000 * max(word.end for word in words))))
        text = " ".join(word.text.strip() for word in words)
        yield _Cue(start, end, names.get(segment.speaker, segment.speaker), segment.emotion, text)


def _names(result: RecordingResult) -> dict[str, str]:
    """Return what speakers are called: by their role where it is known and nobody shares it."""
    roles = {speaker.speaker: speaker.speaker_role for speaker in result.speakers if speaker.speaker_role != "unknown"}
    return {speaker: role for speaker, role in roles.items() if list(roles.values()).count(role) == 1}


def _pieces(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Cut what is too long to be read at once, or to be heard while it stands there."""
    begin, length = 0, 0
    for index, word in enumerate(words):
        longer = length + len(word.text) + 1
        if index > begin and (longer > _MOST_CHARACTERS or word.end - words[begin].start > _MOST_SECONDS):
            yield words[begin:index]
            begin, longer = index, len(word.text)
        length = longer
    yield words[begin:]


def _srt(cues: Sequence[_Cue]) -> str:
    return "\n".join(
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{cue.speaker} ({cue.tone}): {cue.text}\n"
        for number, cue in enumerate(cues, start=1)
    )


def _vtt(cues: Sequence[_Cue]) -> str:
    blocks = [
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n"
        f"<v {_escaped(cue.speaker)}>({cue.tone}) {_escaped(cue.text)}</v>\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _txt(cues: Sequence[_Cue]) -> str:
    return "".join(f"[{_time(cue.start, '.')}] {cue.speaker} ({cue.tone}): {cue.text}\n" for cue in cues)


def _time(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{mark}{rest:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


FORMATS: Final[Mapping[str, Callable[[Sequence[_Cue]], str]]] = {"srt": _srt, "vtt": _vtt, "txt": _txt}
