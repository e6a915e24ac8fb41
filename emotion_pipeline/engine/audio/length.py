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
# Tags of the first frame of an MP3 file that counts its frames.
_MP3_COUNTS: Final = (b"Xing", b"Info", b"VBRI")
_MP3_HEAD_BYTES: Final = 64 * 1024
# A program that writes WAV to a pipe cannot know the length and writes 0 or a number near 2 or 4 GiB.
_PIPE_PLACEHOLDER_BYTES: Final = 0x7FFF_0000


def claimed_seconds(path: Path, info: MediaInfo, decoded_seconds: float, audio_bytes: int) -> float | None:
    """Return the length in seconds that the file states for its audio, None where it states none.

    :param decoded_seconds: how long the audio was found to be
    :param audio_bytes: how many bytes of encoded audio, at least one, that took
    """
    if info.container == "wav":
        claimed = _wav_data_bytes(path)
        is_placeholder = not claimed or claimed >= _PIPE_PLACEHOLDER_BYTES > path.stat().st_size
        return None if is_placeholder else decoded_seconds * claimed / audio_bytes
    if info.container in _WRITTEN_DOWN or (info.container == "mp3" and _counts_its_frames(path)):
        return info.declared_seconds
    return None


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


def _counts_its_frames(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_MP3_HEAD_BYTES)
    return any(tag in head for tag in _MP3_COUNTS)
