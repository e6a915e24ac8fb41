"""How a voice sounds, as a vector: windows of speech through a speaker encoder and a discriminant projection.

The encoder is GE2E's (Wan et al. 2018, "Generalized end-to-end loss for speaker verification"): three LSTM layers over
40 mel bands, whose last state describes the speaker. The projection, from training on people who act emotions, keeps
what tells people apart and shrinks what a person's own moods, words and microphones change: within a person vectors
have a variance of 1 in every direction, and between people that of ``VoiceEncoder.variances`` (probabilistic linear
discriminant analysis, Ioffe 2006). Which windows belong together is decided in ``voice_groups``.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span
from emotion_pipeline.engine.models.artefact import WEIGHTS, Artefact, read_artefact, read_card
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.models.weights import check_outputs
from emotion_pipeline.engine.models.whisper_encoder import mel_filters, torch_threads
from emotion_pipeline.engine.tone.built_in_clip import excited_clip, subdued_clip

BACKEND: Final = "voices"
SHIPPED: Final = Path(__file__).parent / "weights"

_MELS: Final = 40
_WIDTH: Final = 256
_LAYERS: Final = 3
_FFT: Final = 400
_HOP: Final = 160
# Root of the mean square that each window is brought to: -30 dB, as in the encoder's own training.
_LEVEL: Final = 10 ** (-30 / 20)
# Windows of one call of the network: few calls, and memory that does not grow with the recording.
_BATCH: Final = 128
# Windows are cut to multiples of this, so that many have the same length.
_STEP: Final = SAMPLE_RATE // 10
_SHORTEST: Final = 2 * _STEP

Vectors = NDArray[np.float32]


class SpeakerNetwork(nn.Module):
    """The GE2E encoder without its final rectifier, which hides what the projection can use."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_MELS, _WIDTH, _LAYERS, batch_first=True)
        self.linear = nn.Linear(_WIDTH, _WIDTH)
        self.eval().requires_grad_(False)

    def forward(self, mel: Tensor) -> Tensor:
        """Return a vector for each window, ``(n_windows, 256)``; ``mel``: as ``mel_powers`` gives it."""
        return self.linear(self.lstm(mel)[1][0][-1])


def mel_powers(windows: Tensor) -> Tensor:
    """Return the power of windows of one level in mel bands, ``(n_windows, n_frames, 40)``.

    ``windows``: ``(n_windows, n_samples)``, 16 kHz.
    """
    centred = windows - windows.mean(dim=1, keepdim=True)
    levelled = centred * (_LEVEL / (centred.square().mean(dim=1, keepdim=True) + 1e-12).sqrt())
    spectrum = torch.stft(
        levelled, _FFT, _HOP, window=torch.hann_window(_FFT), pad_mode="constant", return_complex=True
    )
    return (mel_filters(_MELS) @ spectrum.abs().square()).transpose(1, 2)


class VoiceEncoder:
    """Describes voices; ``variances`` are those between people, shape ``(n_dimensions,)``, in falling order."""

    def __init__(self, artefact: Artefact) -> None:
        network = SpeakerNetwork()
        names = list(network.state_dict())
        network.load_state_dict({name: torch.from_numpy(artefact.tensor(f"network.{name}")) for name in names})
        self._network = network
        self._mean, self._projection = artefact.tensor("mean"), artefact.tensor("projection")
        self.variances = artefact.tensor("variances").astype(np.float64)

    def vectors(self, channel: Channel, windows: Sequence[Span]) -> Vectors:
        """Return the vector of each window, shape ``(n_windows, n_dimensions)``.

        :param channel: float32, shape (n_samples,), 16 kHz, [-1, 1]
        :param windows: stretches of it in which one person speaks, best 1.6 s long
        """
        vectors = np.zeros((len(windows), len(self.variances)), dtype=np.float32)
        # A part at a time: what the network says of ten hours would be eight times as much.
        for part, raw in _described(self._network, channel, windows):
            vectors[part] = (raw - self._mean) @ self._projection
        return vectors


def raw_vectors(network: SpeakerNetwork, channel: Channel, windows: Sequence[Span]) -> Vectors:
    """Return what the network says of each window, shape ``(n_windows, 256)``."""
    vectors = np.zeros((len(windows), _WIDTH), dtype=np.float32)
    for part, raw in _described(network, channel, windows):
        vectors[part] = raw
    return vectors


def _described(
    network: SpeakerNetwork, channel: Channel, windows: Sequence[Span]
) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
    """Yield numbers of windows, and what the network says of each of them."""
    starts = [round(window.start * SAMPLE_RATE) for window in windows]
    lengths = np.array([max(_SHORTEST, round(window.seconds * SAMPLE_RATE) // _STEP * _STEP) for window in windows])
    with torch_threads(1), torch.inference_mode():
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for part in np.split(rows, range(_BATCH, len(rows), _BATCH)):
                cuts = np.zeros((len(part), length), dtype=np.float32)
                for row, index in enumerate(part):
                    cut = channel[starts[index] : starts[index] + length]
                    cuts[row, : len(cut)] = cut
                yield part, network(mel_powers(torch.from_numpy(cuts))).numpy()


def load_voice_encoder(folder: Path | None = None) -> VoiceEncoder:
    """Load the encoder in ``folder``, or the shipped one.

    :raises ArtefactError: its weights are missing, damaged or of another version
    """
    artefact = read_artefact(folder or SHIPPED, BACKEND)
    try:
        return VoiceEncoder(artefact)
    except RuntimeError as error:  # arrays of another shape
        raise ArtefactError(f"{artefact.folder / WEIGHTS} does not fit this version of the package: {error}") from error


def shared_voice_encoder(folder: Path, fingerprint: str) -> Any:
    """Return a context manager that gives this process's one encoder of ``folder``; see ``LoadedModels.held``."""
    return LOADED.held(fingerprint, lambda: load_voice_encoder(folder))


def check_voices(folder: Path) -> dict[str, Any]:
    """Load the encoder in ``folder`` and describe two voices with it; return what is known of it.

    Raises ``ArtefactError`` as ``load_voice_encoder``, and where its vectors are flat or the same for both.
    """
    encoder = load_voice_encoder(folder)
    clips = [encoder.vectors(clip, [Span(0.0, 1.6)])[0] for clip in (excited_clip(), subdued_clip())]
    spread, difference = check_outputs(folder, np.array(clips), "vectors", "Train it again.")
    return {
        "dimensions": len(encoder.variances),
        "sha256": read_card(folder)["sha256"][WEIGHTS],
        "spread": spread,
        "difference": difference,
    }
