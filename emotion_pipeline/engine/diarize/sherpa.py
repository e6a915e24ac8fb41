"""sherpa-onnx: speaker turns from two ONNX files that the user downloaded, on the CPU and without an account.

A segmentation model says in windows of some seconds who of a few local speakers is heard, an embedding model describes
each of their voices as a vector, and vectors of the same voice are grouped. Method: Bredin 2023, "pyannote.audio 2.1
speaker diarization pipeline"; https://github.com/k2-fsa/sherpa-onnx (Apache-2.0) runs it. What the files have to be is
checked in ``onnx_files``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.hashing import hash_file
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span
from emotion_pipeline.engine.diarize.base import Turn, turns_of
from emotion_pipeline.engine.diarize.onnx_files import (
    SegmentationWindow,
    check_embedding,
    check_exists,
    check_segmentation,
)

if TYPE_CHECKING:
    import sherpa_onnx

# Grouping compares every window with every other: its memory grows with the square of the length, to 0.2 GB here.
LONGEST_BLOCK_S: Final = 3600.0
# What the end of a block leaves of a stretch is dropped below this: no word, and too little to hear a voice in.
_SHORTEST_S: Final = 0.1
# Of a speaker of one block, to find them again in the others.
_VOICE_SAMPLE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Loaded:
    window: SegmentationWindow
    diarization: "sherpa_onnx.OfflineSpeakerDiarization"
    embedding: "sherpa_onnx.SpeakerEmbeddingExtractor"
    grouping: "sherpa_onnx.FastClustering"


class SherpaDiarizer:
    """Speaker turns by pyannote segmentation and speaker embeddings.

    :param segmentation_model: pyannote segmentation as ONNX, with the metadata of sherpa-onnx's export
    :param embedding_model: a WeSpeaker, 3D-Speaker or NeMo speaker embedding as ONNX, with the same
    :param speakers: how many people speak, where that is known; otherwise it is found out
    :param threshold: voices whose vectors differ by more (cosine distance, 0 to 2) are different people; not used
        where ``speakers`` is given
    :param threads: that one recording may use
    :param longest_block_s: longer recordings are worked through in equal blocks, whose speakers are then matched
    :raises BackendUnavailableError: a file is missing
    """

    def __init__(
        self,
        segmentation_model: Path,
        embedding_model: Path,
        speakers: int | None = None,
        threshold: float = 0.5,
        threads: int = 1,
        longest_block_s: float = LONGEST_BLOCK_S,
    ) -> None:
        if speakers is not None and speakers < 1:
            raise ValueError(f"speakers is {speakers}; give at least 1, or None to have it found out")
        if not 0.0 < threshold <= 2.0:
            raise ValueError(f"threshold is {threshold}; a cosine distance lies above 0 and at most at 2")
        check_exists(segmentation_model, "segmentation")
        check_exists(embedding_model, "embedding")
        self._segmentation_model = segmentation_model
        self._embedding_model = embedding_model
        self._speakers = speakers
        self._threshold = threshold
        self._threads = threads
        self._longest_block_s = longest_block_s

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        try:
            package = version("sherpa-onnx")
        except PackageNotFoundError as error:
            raise _not_installed() from error
        files = "+".join(hash_file(path)[:12] for path in (self._segmentation_model, self._embedding_model))
        told_apart = f"threshold={self._threshold:g}" if self._speakers is None else f"speakers={self._speakers}"
        return f"sherpa-onnx:{package}:{files}:{told_apart},block={self._longest_block_s:g}"

    def turns(self, channel: Channel) -> tuple[Turn, ...]:
        """Return who speaks when; see ``Diarizer``."""
        if len(channel) == 0:
            return ()
        blocks = math.ceil(len(channel) / (self._longest_block_s * SAMPLE_RATE))
        edges = np.linspace(0, len(channel), blocks + 1).astype(int).tolist()
        stretches = [self._stretches(channel, start, end) for start, end in pairwise(edges)]
        return turns_of(self._same_speakers(channel, stretches) if blocks > 1 else stretches[0])

    @cached_property
    def _loaded(self) -> _Loaded:
        window = check_segmentation(self._segmentation_model)
        check_embedding(self._embedding_model)
        try:
            import sherpa_onnx
        except ImportError as error:
            raise _not_installed() from error
        segmentation = sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
            sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(str(self._segmentation_model)), self._threads
        )
        embedding = sherpa_onnx.SpeakerEmbeddingExtractorConfig(str(self._embedding_model), self._threads)
        grouping = sherpa_onnx.FastClusteringConfig(self._speakers or -1, self._threshold)
        config = sherpa_onnx.OfflineSpeakerDiarizationConfig(segmentation, embedding, grouping)
        try:
            return _Loaded(
                window,
                sherpa_onnx.OfflineSpeakerDiarization(config),
                sherpa_onnx.SpeakerEmbeddingExtractor(embedding),
                sherpa_onnx.FastClustering(grouping),
            )
        except RuntimeError as error:
            raise BackendUnavailableError(
                f"sherpa-onnx cannot load {self._segmentation_model} and {self._embedding_model}: {error}; "
                "run: pip install -U sherpa-onnx"
            ) from error

    def _stretches(self, channel: Channel, start: int, end: int) -> list[tuple[Span, int]]:
        """Return where each speaker of the samples from ``start`` to ``end`` is heard, in recording time."""
        loaded = self._loaded
        # Whole windows, and at least two: with a cut last one sherpa-onnx may end its process, and with a single one
        # it does not group voices. After the end there is silence.
        shifts = max(1, math.ceil((end - start - loaded.window.samples) / loaded.window.shift))
        padded = np.zeros(loaded.window.samples + shifts * loaded.window.shift, dtype=np.float32)
        padded[: end - start] = channel[start:end]
        try:
            found = loaded.diarization.process(padded).sort_by_start_time()
        except RuntimeError as error:
            raise BackendUnavailableError(
                f"sherpa-onnx fails with {self._segmentation_model} and {self._embedding_model}: {error}; "
                "use other models of the same kinds"
            ) from error
        offset, latest = start / SAMPLE_RATE, end / SAMPLE_RATE
        return [
            (Span(offset + one.start, min(offset + one.end, latest)), one.speaker)
            for one in found
            if latest - (offset + one.start) >= _SHORTEST_S
        ]

    def _same_speakers(self, channel: Channel, blocks: list[list[tuple[Span, int]]]) -> Iterator[tuple[Span, int]]:
        """Yield the stretches of all blocks, the same voice with the same number in each."""
        local = [(block, speaker) for block, found in enumerate(blocks) for speaker in sorted({s for _, s in found})]
        if not local:
            return
        vectors = [
            self._voice(channel, [span for span, one in blocks[block] if one == speaker]) for block, speaker in local
        ]
        # A voice that the model cannot describe is like no other.
        described = np.nan_to_num(np.array(vectors, dtype=np.float32), posinf=0.0, neginf=0.0)
        groups = dict(zip(local, self._loaded.grouping(described), strict=True))
        for block, found in enumerate(blocks):
            for span, speaker in found:
                yield span, groups[block, speaker]

    def _voice(self, channel: Channel, spans: list[Span]) -> list[float]:
        """Return the embedding of a voice from the longest stretches in which it is heard."""
        extractor = self._loaded.embedding
        stream = extractor.create_stream()
        seconds = 0.0
        for span in sorted(spans, key=lambda span: -span.seconds):
            taken = min(span.seconds, _VOICE_SAMPLE_S - seconds)
            if taken <= 0:
                break
            first = round(span.start * SAMPLE_RATE)
            stream.accept_waveform(SAMPLE_RATE, channel[first : first + round(taken * SAMPLE_RATE)])
            seconds += taken
        stream.input_finished()
        return extractor.compute(stream)


def _not_installed() -> BackendUnavailableError:
    return BackendUnavailableError("sherpa-onnx is not installed; run: pip install 'emotion-pipeline[diarization]'")
