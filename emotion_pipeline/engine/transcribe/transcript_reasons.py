"""Why text was dropped and why a transcription failed, as plain data: codes, and one sentence for each.

Tables, checks and documentation read these names; the judging is done in ``guard`` and by the back ends.
"""

from emotion_pipeline.engine.common.code_enum import CodeEnum


class DropReason(CodeEnum):
    """Why a recognised text was not believed; ``meaning`` is one sentence."""

    REPEATS_ITSELF = "repeats_itself", "The same words come again and again: the decoder ran in a loop."
    IMPROBABLE = "improbable", "The recogniser gave its own text too low a probability, at every temperature."
    NO_SPEECH = "no_speech", "The recogniser itself believes that nobody speaks here."
    TOO_FAST = "too_fast", "More words than anybody can say in that time."
    OUTSIDE_SPEECH = "outside_speech", "The words lie where voice activity found no speech."
    OTHER_CHANNEL = "other_channel", "The voice belongs to the other channel, from which it leaked."
    EITHER_CHANNEL = (
        "either_channel",
        "The voice is on both channels alike and nothing tells whose it is; its words are kept on the other one.",
    )


class FailureReason(CodeEnum):
    """Why a recording has no transcript although it was accepted; ``meaning`` is one sentence."""

    TIMEOUT = "timeout", "It took longer than transcription.timeout; what was finished is kept for the next attempt."
    SERVICE_ERROR = "service_error", "The transcription service failed, also after retries."
    RATE_LIMITED = "rate_limited", "The transcription service refused more requests, also after waiting."
    REFUSED = "refused", "The transcription service took the recording and could not transcribe it."
    MALFORMED_ANSWER = "malformed_answer", "The transcription service answered with something that is no transcript."
    TOO_LONG = "too_long", "The recording is longer than the transcription service takes."
    AUDIO_LOST = "audio_lost", "The stored copy of the recording could not be read."
