"""What lines and codecs make of speech: a telephone's band, and a low bit rate.

Evaluation measures how much recall they cost. Training does not learn from such copies: it gained nothing by them.
"""

import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

_BAND: Final = (300, 3400)  # Hz
_MU: Final = 255
_PEAK: Final = 0.7
_MP3_BITS_PER_SECOND: Final = 24_000
_MP3_FRAME: Final = 1152  # samples


def over_telephone(samples: Channel) -> Channel:
    """Return a clip in the band from 300 to 3,400 Hz, through 8 kHz and eight bits of the mu-law (ITU-T G.711).

    Shape ``(n_samples,)`` to a sample, 16 kHz as before.
    """
    from scipy import signal

    band = signal.butter(4, _BAND, "bandpass", fs=SAMPLE_RATE, output="sos")
    narrow = signal.resample_poly(signal.sosfilt(band, samples), 1, 2)
    scaled = _scaled(narrow)
    codes = np.round(np.sign(scaled) * np.log1p(_MU * np.abs(scaled)) / np.log1p(_MU) * 127) / 127
    decoded = np.sign(codes) * ((1 + _MU) ** np.abs(codes) - 1) / _MU
    return signal.resample_poly(decoded, 2, 1).astype(np.float32)


def over_mp3(samples: Channel) -> Channel:
    """Return a clip as MP3 at 24 kbit/s leaves it, 16 kHz; the codec adds some silence at both ends."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream: Any = container.add_stream("libmp3lame", rate=SAMPLE_RATE)
        stream.bit_rate, stream.layout, stream.format = _MP3_BITS_PER_SECOND, "mono", "s16p"
        whole = (np.clip(_scaled(samples), -1, 1) * 32767).astype(np.int16)
        for start in range(0, len(whole), _MP3_FRAME):
            frame = av.AudioFrame.from_ndarray(whole[None, start : start + _MP3_FRAME], format="s16p", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)
    with av.open(file, "r") as coded:
        parts = [part.to_ndarray()[0] for frame in coded.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32)


def _scaled(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return samples / max(1e-9, float(np.abs(samples).max())) * _PEAK


CHANNELS: Final[Mapping[str, Callable[[Channel], Channel]]] = {"telephone": over_telephone, "mp3": over_mp3}
