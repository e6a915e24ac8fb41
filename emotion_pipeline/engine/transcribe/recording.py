"""One recording to one transcript: which channel is whose, where there is speech, and the words in order.

A stereo recording with a person on each channel is two people; one whose channels are the same is one recording twice.
Telling voices apart on one channel is not done here.
"""

from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.voice import speech_spans
from emotion_pipeline.engine.transcribe.base import Transcriber
from emotion_pipeline.engine.types import Channel, Transcript, Waveform

SAME_CHANNELS: Final = 0.1
"""Two channels count as one where their difference has less than this share of their sum's amplitude (-20 dB)."""


def transcribe_recording(waveform: Waveform, transcriber: Transcriber) -> Transcript:
    """Return what was said, each channel with a voice of its own transcribed by itself.

    :param waveform: float32, shape (n_channels, n_samples), 16 kHz
    """
    voices = {speaker: channel_of(waveform, speaker) for speaker in speakers_of(waveform)}
    speech = {speaker: speech_spans(channel) for speaker, channel in voices.items()}
    words = [
        word
        for speaker, channel in voices.items()
        for word in transcriber.transcribe(channel, speech[speaker], speaker)
    ]
    return Transcript(
        words=tuple(sorted(words, key=lambda word: (word.start, word.end))),
        speech=tuple(sorted((span for spans in speech.values() for span in spans), key=lambda span: span.start)),
        language=transcriber.language,
        language_probability=None,
    )


def speakers_of(waveform: Waveform) -> tuple[str, ...]:
    """Return the names under which a recording's channels speak: one, or one per channel of a two-sided call."""
    sides = 2 if _is_two_sided(waveform) else 1
    return tuple(f"speaker_{number + 1}" for number in range(sides))


def channel_of(waveform: Waveform, speaker: str) -> Channel:
    """Return the audio in which ``speaker`` is heard: their channel of a two-sided call, else all channels' mean.

    :raises ValueError: no such speaker in this recording
    """
    speakers = speakers_of(waveform)
    if speaker not in speakers:
        raise ValueError(f"{speaker!r} does not speak in this recording; its speakers are {', '.join(speakers)}")
    return waveform[speakers.index(speaker)] if len(speakers) > 1 else waveform.mean(axis=0)


def _is_two_sided(waveform: Waveform) -> bool:
    if len(waveform) != 2:
        return False
    left, right = waveform
    return bool(np.linalg.norm(left - right) > SAME_CHANNELS * np.linalg.norm(left + right))
