"""Why a recording is rejected and what is warned about, as plain data: codes, and one sentence for each.

Tables, checks and documentation read these names; which of them a recording earns is decided in ``inspect``, not here.
"""

from emotion_pipeline.engine.common.code_enum import CodeEnum


class RejectReason(CodeEnum):
    """Why nothing after validation may look at a recording; ``meaning`` is one sentence."""

    EMPTY_FILE = "empty_file", "The file holds no bytes."
    UNREADABLE = "unreadable", "The content is no audio or video format that can be read, whatever the name says."
    NO_AUDIO_STREAM = "no_audio_stream", "The file is readable but has no audio stream, as in a silent film."
    UNSUPPORTED_CODEC = "unsupported_codec", "The container is readable but no decoder for its audio is available."
    IMPLAUSIBLE_HEADER = (
        "implausible_header",
        "The header states what no recorder makes: a sample rate outside 4 to 768 kHz, or not 1 to 64 channels.",
    )
    NO_SAMPLES = "no_samples", "The header is readable but not one audio sample follows it."
    TRUNCATED = "truncated", "Less than half of the length that the header declares is there."
    LYING_HEADER = "lying_header", "The header declares less than half of the audio data that the file holds."
    MOSTLY_DAMAGED = "mostly_damaged", "More than half of the packets of audio could not be decoded."
    TOO_SHORT = "too_short", "Less than 0.1 s of audio: shorter than any word."
    SILENT = "silent", "No sample reaches -60 dBFS: nothing was recorded."


class RecordingWarning(CodeEnum):
    """What departs from best practice in a recording that is used all the same; ``meaning`` is one sentence."""

    BELOW_16_KHZ = "below_16_khz", "Sampled at less than 16 kHz, as telephone calls are: consonants are harder to tell."
    BELOW_16_BIT = "below_16_bit", "Fewer than 16 bits per sample: quantisation noise is audible."
    SHORTER_THAN_30_S = "shorter_than_30_s", "Shorter than 30 s: too little speech for stable averages."
    LONGER_THAN_10_MIN = "longer_than_10_min", "Longer than 10 minutes."
    LARGER_THAN_25_MB = "larger_than_25_mb", "Larger than 25 MB (25,000,000 bytes)."
    EXTENSION_DOES_NOT_MATCH_CONTENT = (
        "extension_does_not_match_content",
        "The file name's extension belongs to another format than the content; the content was read.",
    )
    CLIPPED = "clipped", "More than one sample in a thousand is at full scale: loud passages are distorted."
    QUIET = "quiet", "The loudest sample stays below -30 dBFS: the recording level was far too low."
    DAMAGED = "damaged", "Some packets could not be decoded; they were left out, the rest was read."
    SHORTER_THAN_DECLARED = (
        "shorter_than_declared",
        "More than 2 % (and 0.5 s) of the length that the header declares is missing; what is there was read.",
    )
