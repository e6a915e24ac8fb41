"""PocketSphinx with the US English model of its wheel: what a machine without a GPU and without a network can do.

It reads clean English well, telephone speech and accents badly. Recognition holds Python's global lock, so utterances
are spread over worker processes; each keeps its decoder, which takes half a second to load.
"""

import math
import os
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from joblib import Parallel, delayed

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.transcribe.base import DecodedWord, Decoding, GuardRules, SpokenLanguage

if TYPE_CHECKING:
    from pocketsphinx import Decoder, Segment

# Audio around an utterance that the decoder hears too: its noise estimate needs some, and onsets are soft.
_PAD_S: Final = 0.2
# A third of the time of the defaults for the same word error rate on ``read/`` of the speech fixtures: no second pass
# over a flat lexicon, and at most 5,000 active states a frame.
_SEARCH: Final = {"fwdflat": False, "maxhmmpf": 5_000}
# Posteriors of the same audio differ by up to 1e-4 with what a decoder heard before; no more digits mean anything.
_PROBABILITY_DIGITS: Final = 3
_LEAST_PROBABILITY: Final = 10.0**-_PROBABILITY_DIGITS
_FRAMES_PER_SECOND: Final = 100
_FIRST_BYTES: Final = 16_000
_FULL_SCALE: Final = 2**15 - 1
_VARIANT_OPENS: Final = "("
# How silence, noise and sentence marks begin in the dictionary of the model.
_NO_WORD: Final = ("<", "[", "++")


class PocketsphinxRecogniser:
    """Words with times and posterior probabilities, US English only.

    :param workers: processes to spread items over; by default one per core, 1 recognises in this process
    """

    # Its posteriors are sure of babble and unsure of an accent: they cannot tell invented words from misheard ones.
    rules = GuardRules(lowest_average_log_probability=-math.inf)
    temperatures = (0.0,)
    longest_s = 20.0 + 2 * _PAD_S
    pad_s = _PAD_S

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or os.cpu_count() or 1

    @property
    def fingerprint(self) -> str:
        search = ",".join(f"{name}={value}" for name, value in _SEARCH.items())
        return f"pocketsphinx:en-us:{version('pocketsphinx')}:{search},pad={_PAD_S}"

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        """Return English, whatever is spoken: it knows nothing else."""
        return SpokenLanguage("en", None)

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        """Return what was recognised; see ``Recogniser``.

        :raises BackendUnavailableError: another language than English was asked for
        """
        if language != "en":
            raise BackendUnavailableError(
                f"pocketsphinx knows English only, not {language!r}; set transcription.method to a Whisper back end"
            )
        return [_decoding(words) for words in self._recognise([_as_pcm(item) for item in items])]

    def _recognise(self, pcm: Sequence[bytes]) -> list[list[DecodedWord]]:
        if self._workers == 1 or len(pcm) == 1:
            return [_recognise(one) for one in pcm]
        # Items differ in length by a factor of twenty: handed out one by one, no worker is left with a long tail.
        spread = Parallel(n_jobs=self._workers, batch_size=1)  # pyright: ignore[reportArgumentType]
        return cast(list[list[DecodedWord]], list(spread(delayed(_recognise)(one) for one in pcm)))


@cache
def _decoder() -> "Decoder":
    from pocketsphinx import Decoder

    decoder = Decoder(loglevel="FATAL", **_SEARCH)
    # The first utterance of a decoder gets slightly other probabilities than the same one later: let it be silence.
    _decode(decoder, bytes(_FIRST_BYTES))
    return decoder


def _recognise(pcm: bytes) -> list[DecodedWord]:
    """Return the words of one item of 16-bit samples at 16 kHz."""
    if not pcm:
        return []  # the decoder fails on it and stays inside the utterance
    return [
        DecodedWord(
            segment.word.partition(_VARIANT_OPENS)[0],
            segment.start_frame / _FRAMES_PER_SECOND,
            (segment.end_frame + 1) / _FRAMES_PER_SECOND,
            round(min(max(float(segment.prob), 0.0), 1.0), _PROBABILITY_DIGITS),
        )
        for segment in _decode(_decoder(), pcm)
        if not segment.word.startswith(_NO_WORD)
    ]


def _decode(decoder: "Decoder", pcm: bytes) -> list["Segment"]:
    decoder.reinit_feat()  # forgets the noise of the utterance before, which another process may have had
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    return list(decoder.seg() or ())


def _decoding(words: list[DecodedWord]) -> Decoding:
    if not words:
        return Decoding((), None, None)
    logarithms = [math.log(max(word.probability, _LEAST_PROBABILITY)) for word in words]
    return Decoding(tuple(words), sum(logarithms) / len(words), None)


def _as_pcm(samples: Channel) -> bytes:
    return (np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2").tobytes()
