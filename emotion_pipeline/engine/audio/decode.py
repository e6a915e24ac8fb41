"""Any media file to 16 kHz float32 samples, read as a stream with PyAV: the one place that opens recordings.

Whether a recording is good enough to use is decided in ``inspect``; writing audio is ``encode``'s business. PyAV
carries FFmpeg's libraries in its wheel, so no system program is needed. Formats are told apart by content; demuxers
that open further files or addresses named inside the file (playlists, manifests) are not allowed.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Waveform

# Samples per channel of a streamed block; the last one may be shorter.
BLOCK_SAMPLES: Final = 4 * SAMPLE_RATE

# Hz, from the lowest telephone recorders to the fastest converters; bounds how far resampling can inflate a file.
PLAUSIBLE_SAMPLE_RATES: Final = range(4_000, 768_001)

# As many as FFmpeg's resampler takes.
PLAUSIBLE_CHANNELS: Final = range(1, 65)

# Without FFmpeg's demuxers of bare AMR frames (amrnb, amrwb): they take HTML for speech. AMR files have a header.
_DEMUXERS: Final = (
    "wav,w64,aiff,au,caf,flac,mp3,aac,ogg,mov,matroska,avi,asf,flv,mpeg,mpegts,"
    "amr,ac3,eac3,ape,wv,tta,voc,dsf,iff,tak,mpc,mpc8,sln,nut,dts,truehd"
)
_COMPANDED_BITS: Final = {"pcm_mulaw": 8, "pcm_alaw": 8}


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file's header says about its first or best audio stream.

    ``container`` and ``codec`` are FFmpeg's short names. ``bit_depth`` is None for lossy codecs, which have none.
    ``declared_seconds`` is the header's claim, for some formats (mp3, aac) an estimate from the bit rate, or None.
    """

    container: str
    codec: str
    sample_rate_hz: int
    bit_depth: int | None
    channels: int
    declared_seconds: float | None


class MediaReader:
    """One opened recording: its header, and one pass over its samples. Made by ``open_media``."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self._container = container
        self._stream = stream
        self.info: Final = _media_info(container, stream)
        self.packets = 0
        """Packets of encoded audio so far."""
        self.damaged_packets = 0
        """Packets so far that could not be decoded and were left out."""
        self.bytes_read = 0
        """Bytes of encoded audio so far."""

    def blocks(self, *, keep_channels: bool = False) -> Iterator[Waveform]:
        """The samples in blocks of ``BLOCK_SAMPLES``; can be consumed once.

        :param keep_channels: yield all channels; otherwise their mean as one
        :return: blocks of shape (channels, n), n >= 1, 16 kHz, clipped to [-1, 1], non-finite samples as 0
        """
        channels = self.info.channels if keep_channels else 1
        pending: list[Waveform] = []
        n_pending = 0
        for frame in self._resampled():
            pending.append(_to_channels(frame, channels))
            n_pending += frame.shape[1]
            if n_pending >= BLOCK_SAMPLES:
                joined = np.concatenate(pending, axis=1)
                n_whole = n_pending - n_pending % BLOCK_SAMPLES
                for start in range(0, n_whole, BLOCK_SAMPLES):
                    yield joined[:, start : start + BLOCK_SAMPLES].copy()
                pending, n_pending = [joined[:, n_whole:]], n_pending - n_whole
        if n_pending:
            yield np.concatenate(pending, axis=1)

    def _resampled(self) -> Iterator[Waveform]:
        """Frames at 16 kHz; a change of rate or layout midway (chained Ogg, damaged AAC) starts a new resampler."""
        resampler, shape = None, None
        for frame in self._frames():
            if frame.sample_rate not in PLAUSIBLE_SAMPLE_RATES:
                self.damaged_packets += 1
                continue
            frame.pts = None  # gaps in the time stamps of damaged files must not become inserted silence
            new_shape = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
            if resampler is None or new_shape != shape:
                yield from _drained(resampler)
                resampler, shape = AudioResampler(format="flt", layout=frame.layout, rate=SAMPLE_RATE), new_shape
            try:
                resampled = resampler.resample(frame)
            except (FFmpegError, ValueError):
                self.damaged_packets += 1
                resampler = None
                continue
            yield from map(_samples, resampled)
        yield from _drained(resampler)

    def _frames(self) -> Iterator[AudioFrame]:
        for packet in self._packets():
            self.packets += packet.size > 0  # the last, empty one only tells the decoder to drain
            self.bytes_read += packet.size
            try:
                # A packet decodes to a handful of frames: a list keeps the yield out of the try.
                frames = list(packet.decode())
            except (FFmpegError, ValueError):
                self.damaged_packets += 1
                continue
            for frame in frames:
                if isinstance(frame, AudioFrame):
                    yield frame

    def _packets(self) -> Iterator[av.Packet]:
        """Packets up to the end or to the first damage that the container cannot step over."""
        try:
            yield from self._container.demux(self._stream)
        except FFmpegError:
            self.damaged_packets += 1
        except IndexError:
            # PyAV 18 raises it after the last packet where another stream showed up midway, as it may in FLV.
            return


@contextmanager
def open_media(path: Path) -> Iterator[MediaReader]:
    """Open a recording for one pass; closed when the block is left.

    :raises MediaError: empty, unreadable, without audio, or with an implausible header; ``code`` is a ``RejectReason``
    :raises FileNotFoundError: there is no such file
    """
    if path.stat().st_size == 0:
        raise MediaError(RejectReason.EMPTY_FILE, f"{path}: the file is empty; record or copy it again.")
    with _opened(path) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, AudioStream):
            raise MediaError(
                RejectReason.NO_AUDIO_STREAM,
                f"{path}: the {container.format.name} file has no audio stream; export it again with its sound track.",
            )
        if stream.codec_context is None:
            raise MediaError(
                RejectReason.UNSUPPORTED_CODEC,
                f"{path}: no decoder for its audio stream is available; convert it to WAV or FLAC.",
            )
        reader = MediaReader(container, stream)
        if reader.info.sample_rate_hz not in PLAUSIBLE_SAMPLE_RATES or reader.info.channels not in PLAUSIBLE_CHANNELS:
            raise MediaError(
                RejectReason.IMPLAUSIBLE_HEADER,
                f"{path}: the header states {reader.info.sample_rate_hz} Hz and {reader.info.channels} channels, "
                "which no recorder makes; the header is damaged, export the recording again.",
            )
        yield reader


def probe(path: Path) -> MediaInfo:
    """Read the header only.

    :raises MediaError: as ``open_media``
    :raises FileNotFoundError: there is no such file
    """
    with open_media(path) as reader:
        return reader.info


def stream(path: Path, *, keep_channels: bool = False) -> Iterator[Waveform]:
    """The samples of a recording, block by block, so that memory stays flat however long it is.

    :param keep_channels: yield all channels; otherwise their mean as one
    :return: blocks of shape (channels, n), 1 <= n <= ``BLOCK_SAMPLES``, 16 kHz, [-1, 1]. Damaged packets are left out.
    :raises MediaError: as ``open_media``, and ``no_samples`` at the end of a file that held none
    :raises FileNotFoundError: there is no such file
    """
    with open_media(path) as reader:
        empty = True
        for block in reader.blocks(keep_channels=keep_channels):
            empty = False
            yield block
        if empty:
            raise no_samples(path)


def decode(path: Path, *, keep_channels: bool = False) -> Waveform:
    """The whole recording in memory (about 3.8 MB per minute and channel).

    :param keep_channels: return all channels; otherwise their mean as one
    :return: float32, shape (channels, n), 16 kHz, [-1, 1]
    :raises MediaError: as ``stream``
    :raises FileNotFoundError: there is no such file
    """
    return np.concatenate(list(stream(path, keep_channels=keep_channels)), axis=1)


def no_samples(path: Path) -> MediaError:
    """The error for a file whose header is readable and that holds not one sample."""
    return MediaError(
        RejectReason.NO_SAMPLES, f"{path}: the header is readable but no audio follows it; record or copy it again."
    )


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    # The explicit protocol keeps names such as "concat:a|b" or "http:x" from being anything but a local file.
    try:
        container = av.open(
            f"file:{path.absolute()}",
            metadata_errors="replace",
            container_options={"format_whitelist": _DEMUXERS, "protocol_whitelist": "file"},
        )
    except FFmpegError as error:
        raise MediaError(
            RejectReason.UNREADABLE,
            f"{path}: not a readable audio or video file ({error.strerror}); convert it to WAV or FLAC.",
        ) from error
    with container:
        yield container


def _media_info(container: InputContainer, stream: AudioStream) -> MediaInfo:
    codec = stream.codec_context
    if stream.duration is not None and stream.time_base is not None:
        declared = float(stream.duration * stream.time_base)
    else:
        declared = None if container.duration is None else container.duration / av.time_base
    return MediaInfo(
        container=container.format.name,
        codec=codec.name,
        sample_rate_hz=codec.sample_rate,
        bit_depth=_bit_depth(codec.name, codec.extradata),
        channels=codec.layout.nb_channels,
        declared_seconds=declared,
    )


def _bit_depth(codec: str, extradata: bytes | None) -> int | None:
    if codec == "flac" and extradata and len(extradata) >= 14:
        # RFC 9639, 8.2: bits per sample minus one, in five bits that straddle bytes 12 and 13 of STREAMINFO.
        return ((extradata[12] & 1) << 4 | extradata[13] >> 4) + 1
    linear = re.match(r"pcm_[suf](\d+)", codec)
    return int(linear[1]) if linear else _COMPANDED_BITS.get(codec)


def _drained(resampler: AudioResampler | None) -> Iterator[Waveform]:
    if resampler is not None:
        yield from map(_samples, resampler.resample(None))


def _samples(frame: AudioFrame) -> Waveform:
    """Shape (channels, n). Frames are interleaved: PyAV 18 reads out of bounds in planar ones of eight channels up."""
    interleaved = np.asarray(frame.to_ndarray(), dtype=np.float32)
    return interleaved.reshape(-1, frame.layout.nb_channels).T


def _to_channels(frame: Waveform, channels: int) -> Waveform:
    """``frame`` with ``channels`` rows: as it is, or the mean of its channels in each row; finite and in [-1, 1]."""
    finite = np.nan_to_num(frame, nan=0.0, posinf=1.0, neginf=-1.0)
    if finite.shape[0] != channels:
        finite = np.repeat(finite.mean(axis=0, keepdims=True), channels, axis=0)
    return np.clip(finite, -1.0, 1.0)


@contextmanager
def mapped(path: Path) -> Iterator[Channel]:
    """The mean of all channels in a temporary file that is mapped into memory: it stays flat for the longest call.

    :return: float32, shape (n_samples,), 16 kHz, [-1, 1]; read-only, and gone at the end of the context
    :raises MediaError: as ``stream``
    :raises FileNotFoundError: there is no such file
    """
    with TemporaryFile() as file:
        for block in stream(path):
            file.write(block[0].tobytes())
        file.flush()
        yield np.memmap(file, dtype=np.float32, mode="r")
