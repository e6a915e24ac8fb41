"""Judging one recording: what it is, how long and loud it is, and whether it is accepted, with named reasons.

The rules of validation live here and nowhere else; their codes and meanings are data in ``reasons``. A bad recording is
a result, never an exception: one of them must not stop the others. The only pass over the samples can write the
normalised copy on its way.
"""

import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import av
import numpy as np

from emotion_pipeline.engine.audio.channels import ChannelComparison
from emotion_pipeline.engine.audio.decode import MediaReader, no_samples, open_media
from emotion_pipeline.engine.audio.encode import FlacWriter
from emotion_pipeline.engine.audio.length import claimed_seconds
from emotion_pipeline.engine.audio.reject_reasons import RecordingWarning, RejectReason
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.hashing import hash_file
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

# What makes a stored inspection stale: another decoder, or other rules, whose number is raised when one changes.
FINGERPRINT: Final = f"av:{av.__version__}:rules:3"

# The level that stands for digital silence, whose logarithm is not finite.
FLOOR_DBFS: Final = -120.0

SILENT_DBFS: Final = -60.0
QUIET_DBFS: Final = -30.0
SHORTEST_SECONDS: Final = 0.1

_EXTENSIONS: Final = {
    "wav": {".wav", ".wave"},
    "flac": {".flac"},
    "mp3": {".mp3"},
    "aac": {".aac"},
    "ogg": {".ogg", ".oga", ".ogv", ".opus", ".spx"},
    "mov,mp4,m4a,3gp,3g2,mj2": {".mp4", ".m4a", ".m4b", ".m4v", ".mov", ".3gp", ".3g2"},
    "matroska,webm": {".webm", ".mkv", ".mka"},
    "aiff": {".aif", ".aiff", ".aifc"},
    "asf": {".wma", ".wmv", ".asf"},
    "avi": {".avi"},
}
# A WAV file may end with chunks of text and cue points; below this size they are not taken for hidden audio.
_SMALLEST_HIDDEN_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Inspection:
    """The verdict on one recording. Fields about its content are None where it could not be read that far.

    ``recording_id`` is the SHA-256 of the source bytes in hexadecimal. ``seconds`` were decoded, not declared. Levels
    are relative to full scale over all channels, no lower than ``FLOOR_DBFS``. ``reason`` and ``detail`` (a sentence
    for people) are set for rejected recordings; ``detail`` is empty for accepted ones.
    """

    recording_id: str
    size_bytes: int
    status: Literal["accepted", "rejected"]
    reason: RejectReason | None = None
    detail: str = ""
    warnings: tuple[RecordingWarning, ...] = ()
    container: str | None = None
    codec: str | None = None
    sample_rate_hz: int | None = None
    bit_depth: int | None = None
    channels: int | None = None
    declared_seconds: float | None = None
    seconds: float | None = None
    peak_dbfs: float | None = None
    rms_dbfs: float | None = None
    # Channels with a speaker of their own, see ``audio.channels``; 1 or 2.
    speaker_channels: int | None = None


def inspect(path: Path, copy_to: Path | None = None, recording_id: str | None = None) -> Inspection:
    """Judge one recording in one pass over it; memory stays flat however long it is.

    :param copy_to: where to leave a 16 kHz 16-bit FLAC copy if the recording is accepted (stereo stays stereo, more
        channels become mono); nothing is left for a rejected one
    :param recording_id: the SHA-256 of the bytes, where the caller has computed it
    :raises FileNotFoundError: there is no file at ``path``
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; check the path.")
    recording_id = recording_id or hash_file(path)
    verdict = Inspection(recording_id, path.stat().st_size, status="rejected")
    try:
        with open_media(path) as reader, ExitStack() as stack:
            keep_channels = reader.info.channels <= 2
            writer = None
            if copy_to is not None:
                writer = stack.enter_context(FlacWriter(copy_to, reader.info.channels if keep_channels else 1))
            levels, channels = _Levels(), ChannelComparison()
            for block in reader.blocks(keep_channels=keep_channels):
                levels.add(block)
                channels.add(block)
                if writer is not None:
                    writer.write(block)
            verdict = replace(
                _judge(path, verdict, reader, levels),
                speaker_channels=channels.speaker_channels if levels.samples else None,
            )
            if writer is not None and verdict.status == "accepted":
                writer.publish()
    except MediaError as error:
        return replace(verdict, reason=RejectReason(error.code), detail=str(error))
    return verdict


class _Levels:
    """Length and level of the samples so far, over all channels."""

    def __init__(self) -> None:
        self.samples = 0
        self._values = 0
        self._peak = 0.0
        self._energy = 0.0
        self._at_full_scale = 0

    def add(self, block: Waveform) -> None:
        magnitude = np.abs(block)
        self.samples += block.shape[1]
        self._values += block.size
        self._peak = max(self._peak, float(magnitude.max()))
        self._energy += float(np.square(magnitude, dtype=np.float64).sum())
        self._at_full_scale += int(np.count_nonzero(magnitude >= 0.999))

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    @property
    def peak_dbfs(self) -> float:
        return _dbfs(self._peak)

    @property
    def rms_dbfs(self) -> float:
        return _dbfs(math.sqrt(self._energy / self._values))

    @property
    def clipped_share(self) -> float:
        return self._at_full_scale / self._values


def _dbfs(amplitude: float) -> float:
    return max(FLOOR_DBFS, 20 * math.log10(amplitude)) if amplitude > 0 else FLOOR_DBFS


def _judge(path: Path, unread: Inspection, reader: MediaReader, levels: _Levels) -> Inspection:
    info = reader.info
    read = replace(
        unread,
        container=info.container,
        codec=info.codec,
        sample_rate_hz=info.sample_rate_hz,
        bit_depth=info.bit_depth,
        channels=info.channels,
        declared_seconds=info.declared_seconds,
        seconds=levels.seconds,
    )
    if levels.samples == 0:
        error = no_samples(path)
        return replace(read, reason=RejectReason(error.code), detail=str(error))
    declared = claimed_seconds(path, info, levels.seconds, reader.bytes_read)
    read = replace(
        read,
        declared_seconds=info.declared_seconds if declared is None else declared,
        peak_dbfs=levels.peak_dbfs,
        rms_dbfs=levels.rms_dbfs,
    )
    rejection = _rejection(read, reader, levels, declared)
    if rejection is not None:
        reason, what = rejection
        return replace(read, reason=reason, detail=f"{path}: {what}")
    return replace(read, status="accepted", warnings=_warnings(path, read, reader, levels, declared))


def _rejection(
    read: Inspection, reader: MediaReader, levels: _Levels, declared: float | None
) -> tuple[RejectReason, str] | None:
    """The first rule that a recording with samples breaks, and a sentence on how and what to do."""
    seconds, peak = levels.seconds, levels.peak_dbfs
    hidden_bytes = read.size_bytes - reader.bytes_read
    if read.container == "wav" and hidden_bytes > max(_SMALLEST_HIDDEN_BYTES, reader.bytes_read):
        return RejectReason.LYING_HEADER, (
            f"the header declares {seconds:.1f} s, but {hidden_bytes} of {read.size_bytes} bytes lie outside of "
            "what it declares; have the header repaired or export the recording again."
        )
    if reader.damaged_packets > reader.packets / 2:
        return RejectReason.MOSTLY_DAMAGED, (
            f"{reader.damaged_packets} of {reader.packets} packets could not be decoded; copy the file again."
        )
    if declared is not None and seconds < declared / 2:
        return RejectReason.TRUNCATED, (
            f"the header declares {declared:.1f} s, only {seconds:.1f} s are there; copy the file again in full."
        )
    if seconds < SHORTEST_SECONDS:
        return RejectReason.TOO_SHORT, f"{seconds:.3f} s of audio is shorter than any word; record it again."
    if peak < SILENT_DBFS:
        return RejectReason.SILENT, (
            f"the loudest sample is at {peak:.0f} dBFS; check the microphone or the channel and record again."
        )
    return None


def _warnings(
    path: Path, read: Inspection, reader: MediaReader, levels: _Levels, declared: float | None
) -> tuple[RecordingWarning, ...]:
    info, seconds = reader.info, levels.seconds
    allowed = _EXTENSIONS.get(info.container)
    extension = path.suffix.lower()
    holds = {
        RecordingWarning.BELOW_16_KHZ: info.sample_rate_hz < SAMPLE_RATE,
        RecordingWarning.BELOW_16_BIT: info.bit_depth is not None and info.bit_depth < 16,
        RecordingWarning.SHORTER_THAN_30_S: seconds < 30,
        RecordingWarning.LONGER_THAN_10_MIN: seconds > 600,
        RecordingWarning.LARGER_THAN_25_MB: read.size_bytes > 25_000_000,
        RecordingWarning.EXTENSION_DOES_NOT_MATCH_CONTENT: bool(allowed and extension and extension not in allowed),
        RecordingWarning.CLIPPED: levels.clipped_share > 0.001,
        RecordingWarning.QUIET: levels.peak_dbfs < QUIET_DBFS,
        RecordingWarning.DAMAGED: reader.damaged_packets > 0,
        RecordingWarning.SHORTER_THAN_DECLARED: declared is not None and declared - seconds > max(0.5, 0.02 * declared),
    }
    return tuple(warning for warning, applies in holds.items() if applies)
