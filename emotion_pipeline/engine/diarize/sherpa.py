"""sherpa-onnx: speaker turns from two ONNX files that the user downloaded, on the CPU and without an account.

A segmentation model tells the local speakers in windows of some seconds, an embedding model describes each voice as a
vector, and vectors of the same voice are grouped: Bredin 2023, "pyannote.audio 2.1 speaker diarization pipeline".
https://github.com/k2-fsa/sherpa-onnx (Apache-2.0) runs both in a child process, see ``sherpa_worker``.
"""

import math
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from multiprocessing import Pipe
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.hashing import hash_file
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span, SpeakersBy
from emotion_pipeline.engine.diarize.base import Turn, turns_of
from emotion_pipeline.engine.diarize.sherpa_worker import SherpaOptions

# Grouping compares every window with every other: its memory grows with the square of the length, to 0.2 GB here.
LONGEST_BLOCK_S: Final = 3600.0
# Slower than real time for the longest block: the child hangs.
TIME_LIMIT_S: Final = 3600.0
# A shorter rest of a stretch at the end of a block is dropped: it holds no word and too little of a voice.
_SHORTEST_S: Final = 0.1
# Audio of a speaker of one block by which they are recognised in the others.
_VOICE_SAMPLE_S: Final = 30.0
_PUBLISHED: Final = "https://github.com/k2-fsa/sherpa-onnx/releases/tag"
_SEGMENTATION: Final = (
    f"a pyannote segmentation model as ONNX (model.onnx of an archive at {_PUBLISHED}/speaker-segmentation-models)"
)
_EMBEDDING: Final = (
    "a speaker embedding model of WeSpeaker, 3D-Speaker or NeMo as ONNX (a file at "
    f"{_PUBLISHED}/speaker-recongition-models)"
)


class SherpaDiarizer:
    """Speaker turns by pyannote segmentation and speaker embeddings.

    :param segmentation_model: pyannote segmentation as ONNX, with the metadata of sherpa-onnx's export
    :param embedding_model: a WeSpeaker, 3D-Speaker or NeMo speaker embedding as ONNX, with the same
    :param speakers: how many people speak, if known; otherwise it is estimated
    :param threshold: voices whose vectors differ by more (cosine distance, 0 to 2) are different people; not used
        where ``speakers`` is given
    :param threads: that one recording may use
    :param longest_block_s: longer recordings are processed in equal blocks, whose speakers are then matched
    :param time_limit_s: longest that loading the models or processing one block may take
    :raises BackendUnavailableError: a file is missing
    """

    speakers_by: SpeakersBy = "diarizer"
    shortest_s: float = 0.0

    def __init__(
        self,
        segmentation_model: Path,
        embedding_model: Path,
        speakers: int | None = None,
        threshold: float = 0.5,
        threads: int = 1,
        longest_block_s: float = LONGEST_BLOCK_S,
        time_limit_s: float = TIME_LIMIT_S,
    ) -> None:
        if speakers is not None and speakers < 1:
            raise ValueError(f"speakers is {speakers}; give at least 1, or None to have it estimated")
        if not 0.0 < threshold <= 2.0:
            raise ValueError(f"threshold is {threshold}; a cosine distance lies above 0 and at most at 2")
        for path, kind in ((segmentation_model, _SEGMENTATION), (embedding_model, _EMBEDDING)):
            if not path.is_file():
                raise BackendUnavailableError(f"there is no file {path}; it has to be {kind}")
        self._paths = (segmentation_model, embedding_model)
        self._options = SherpaOptions(str(segmentation_model), str(embedding_model), speakers, threshold, threads)
        self._longest_block_s = longest_block_s
        self._time_limit_s = time_limit_s
        self._child: _Child | None = None

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        try:
            package = version("sherpa-onnx")
        except PackageNotFoundError as error:
            raise _not_installed() from error
        files = "+".join(hash_file(path)[:12] for path in self._paths)
        speakers, threshold = self._options.speakers, self._options.threshold
        grouping = f"threshold={threshold:g}" if speakers is None else f"speakers={speakers}"
        return f"sherpa-onnx:{package}:{files}:{grouping},block={self._longest_block_s:g}"

    def turns(self, channel: Channel) -> tuple[Turn, ...]:
        """Return who speaks when; see ``Diarizer``."""
        if len(channel) == 0:
            return ()
        n_blocks = math.ceil(len(channel) / (self._longest_block_s * SAMPLE_RATE))
        edges = np.linspace(0, len(channel), n_blocks + 1).astype(int).tolist()
        blocks = [self._stretches(channel, start, end) for start, end in pairwise(edges)]
        stretches = self._same_speakers(channel, blocks) if n_blocks > 1 else blocks[0]
        return turns_of((span, speaker, None) for span, speaker in stretches)

    def _stretches(self, channel: Channel, start: int, end: int) -> list[tuple[Span, int]]:
        """Return the stretches of each speaker in the samples from ``start`` to ``end``, in recording time."""
        offset, latest = start / SAMPLE_RATE, end / SAMPLE_RATE
        return [
            (Span(offset + first, min(offset + last, latest)), speaker)
            for first, last, speaker in self._ask("segments", channel[start:end])
            if latest - (offset + first) >= _SHORTEST_S
        ]

    def _same_speakers(self, channel: Channel, blocks: list[list[tuple[Span, int]]]) -> Iterator[tuple[Span, int]]:
        """Yield the stretches of all blocks, the same voice with the same number in each."""
        samples: dict[tuple[int, int], list[Span]] = {}
        for block, stretches in enumerate(blocks):
            for span, speaker in stretches:
                samples.setdefault((block, speaker), []).append(span)
        if not samples:
            return
        voices = [self._ask("voice", _longest_stretches(channel, spans)) for spans in samples.values()]
        # A voice that the model cannot describe resembles no other.
        vectors = np.nan_to_num(np.array(voices, dtype=np.float32), posinf=0.0, neginf=0.0)
        groups = dict(zip(samples, self._ask("groups", vectors), strict=True))
        for block, stretches in enumerate(blocks):
            for span, speaker in stretches:
                yield span, groups[block, speaker]

    def _ask(self, request: str, array: NDArray[np.float32]) -> Any:
        """Return the child's answer; a child that failed is replaced at the next request."""
        try:
            if self._child is None:
                _require_package()
                self._child = _Child(self)
                self._child.answer(self._options, self._time_limit_s)
            samples = np.ascontiguousarray(array, dtype=np.float32)
            return self._child.answer((request, samples.shape), self._time_limit_s, samples)
        except _ChildError as error:
            self._child = None
            raise BackendUnavailableError(
                f"sherpa-onnx cannot use {self._paths[0]} and {self._paths[1]}: {error}. The first has to be "
                f"{_SEGMENTATION}, the second {_EMBEDDING}; check both files, or take others of the same kinds"
            ) from error


class _ChildError(Exception):
    """The child reported an error, crashed or took too long."""


class _Child:
    """A process that runs ``sherpa_worker``; it ends with its owner, with this process, or when it fails."""

    def __init__(self, owner: SherpaDiarizer) -> None:
        self._connection, other_end = Pipe()
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the child
        with other_end:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "emotion_pipeline.engine.diarize.sherpa_worker", str(other_end.fileno())],
                stdin=subprocess.PIPE,
                stdout=self._messages,
                stderr=self._messages,
                pass_fds=[other_end.fileno()],
            )
        self._end = weakref.finalize(owner, _end, self._process, self._connection, self._messages)

    def answer(self, message: object, limit_s: float, samples: NDArray[np.float32] | None = None) -> Any:
        """Send a message, with samples or without, and return the answer; a child that fails ends."""
        try:
            self._connection.send(message)
            if samples is not None:
                self._connection.send_bytes(samples.data.cast("B"))
            if not self._connection.poll(limit_s):
                raise _ChildError(f"no answer within {limit_s:g} s")
            kind, value = self._connection.recv()
            if kind == "error":
                raise _ChildError(value)
        except (EOFError, OSError) as error:
            raise _ChildError(f"its process ended ({self._last_message()})") from error
        finally:
            if sys.exc_info()[0] is not None:
                self._end()
        return value

    def _last_message(self) -> str:
        """Return the exit status and the last line that the child wrote."""
        status = self._process.wait()
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").strip().splitlines()
        return f"status {status}: {lines[-1]}" if lines else f"status {status}"


def _end(process: subprocess.Popen[bytes], connection: Any, messages: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for end in (process.stdin, connection, messages):
        if end is not None:
            end.close()


def _longest_stretches(channel: Channel, spans: list[Span]) -> Channel:
    """Return up to half a minute of one voice, from its longest spans."""
    pieces, left_s = [], _VOICE_SAMPLE_S
    for span in sorted(spans, key=lambda span: -span.seconds):
        taken = min(span.seconds, left_s)
        if taken <= 0:
            break
        first = round(span.start * SAMPLE_RATE)
        pieces.append(channel[first : first + round(taken * SAMPLE_RATE)])
        left_s -= taken
    return np.concatenate(pieces)


def _require_package() -> None:
    try:
        import sherpa_onnx  # noqa: F401
    except ImportError as error:
        raise _not_installed() from error


def _not_installed() -> BackendUnavailableError:
    return BackendUnavailableError("sherpa-onnx is not installed; run: pip install 'emotion-pipeline[diarization]'")
