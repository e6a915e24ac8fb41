"""How long a file itself claims its audio to be, where the claim is a statement and not an estimate.

FFmpeg cuts the claim of a WAV header down to what is there, and estimates the length of bare MP3 and AAC streams from
their bit rate; neither tells whether something is missing. Judging the claim is ``inspect``'s business.
"""

import struct
from pathlib import Path
from typing import Final

from emotion_pipeline.engine.audio.decode import MediaInfo

# FFmpeg's names of containers whose header states a length that FFmpeg passes on as it is.
_WRITTEN_DOWN: Final = {"w64", "flac", "aiff", "caf", "au", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
# Tags of the first frame of an MP3 file that counts its frames, and how far behind them the count stands.
_MP3_COUNTS: Final = ((b"Xing", 8), (b"Info", 8), (b"VBRI", 14))
# Of MPEG-2; MPEG-1 has twice as many.
_SAMPLES_PER_MP3_FRAME: Final = 576
_MP3_HEAD_BYTES: Final = 64 * 1024
# A program that writes to a pipe cannot know the length and leaves a number far beyond what is there: all zeros or ones
# in its last 16 bits, just below 2 or 4 GiB, or round as people write numbers; sometimes less some header.
_SMALLEST_BINARY: Final = 2**24
_BELOW_A_LIMIT: Final = 2**16
_SMALLEST_DECIMAL: Final = 10**8
_HEADER_BYTES: Final = 64


def claimed_seconds(path: Path, info: MediaInfo, decoded_seconds: float, audio_bytes: int) -> float | None:
    """Return the length in seconds that the file states for its audio, None where it states none.

    A number that stands for an unknown length is no statement, whatever the container counts in.

    :param decoded_seconds: how long the audio was found to be
    :param audio_bytes: how many bytes of encoded audio, at least one, that took
    """
    if info.container == "wav":
        stated = _wav_data_bytes(path)
        return None if _is_placeholder(stated, audio_bytes) else decoded_seconds * stated / audio_bytes
    frames = _mp3_frames(path) if info.container == "mp3" else None
    if info.declared_seconds is None or (info.container not in _WRITTEN_DOWN and frames is None):
        return None
    samples = info.declared_seconds * info.sample_rate_hz
    there = decoded_seconds * info.sample_rate_hz
    numbers = [
        (samples, there),
        (samples * audio_bytes / there, audio_bytes),
        (info.declared_seconds * 1000, decoded_seconds * 1000),  # Matroska counts milliseconds
        *([(frames, there / _SAMPLES_PER_MP3_FRAME)] if frames is not None else []),
    ]
    return None if any(_is_placeholder(round(stated), found) for stated, found in numbers) else info.declared_seconds


def _is_placeholder(stated: int, there: float) -> bool:
    """Tell whether a stated number of bytes, samples or milliseconds, of which so many are there, is no length."""
    if stated <= 2 * there:
        return stated == 0
    digits = 10 ** (len(str(stated)) - 2)
    is_binary = stated >= _SMALLEST_BINARY and (stated + _HEADER_BYTES) % 2**16 <= _HEADER_BYTES
    is_at_limit = stated >= 2**30 and 2 ** stated.bit_length() - stated <= _BELOW_A_LIMIT
    is_decimal = stated >= _SMALLEST_DECIMAL and abs(stated - round(stated / digits) * digits) <= _HEADER_BYTES
    return is_binary or is_at_limit or is_decimal


def _wav_data_bytes(path: Path) -> int:
    """Return the size that the header of a RIFF file gives its ``data`` chunk, 0 where it does not say."""
    with path.open("rb") as file:
        riff, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
        if riff != b"RIFF" or kind != b"WAVE":
            return 0
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                return size
            file.seek(size + size % 2, 1)
    return 0


def _mp3_frames(path: Path) -> int | None:
    """Return how many frames the first frame of an MP3 file counts, None where it does not count them."""
    with path.open("rb") as file:
        head = file.read(_MP3_HEAD_BYTES).ljust(_MP3_HEAD_BYTES, b"\0")
    for tag, offset in _MP3_COUNTS:
        at = head.find(tag)
        # Xing and Info say in a bit whether they count.
        if at >= 0 and (tag == b"VBRI" or head[at + 7] & 1):
            return int.from_bytes(head[at + offset : at + offset + 4], "big")
    return None
