"""Conversations as a test writes them down: who said what, and when."""

from collections.abc import Sequence

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.stages.report import RecordingResult, SegmentResult

# Speaker, start and end in seconds, words.
Said = tuple[str, float, float, str]


def words_of(speaker: str, start: float, end: float, text: str) -> tuple[Word, ...]:
    """Return the words of a text, evenly over the time."""
    spoken = text.split()
    step = (end - start) / max(1, len(spoken))
    return tuple(
        Word(word, start + index * step, start + (index + 1) * step, 0.9, speaker) for index, word in enumerate(spoken)
    )


def result_of(said: Sequence[Said]) -> RecordingResult:
    """Return the result of a recording in which nothing is felt."""
    segments = tuple(
        SegmentResult(
            speaker=speaker,
            start=start,
            end=end,
            transcript=text,
            emotion="neutral",
            emotion_score=0.8,
            text_emotion="Neutral",
            text_emotion_score=0.8,
            sub_emotion=None,
            intensity=None,
            uncertain=False,
            sentiment_score=0.0,
            tone_sentiment_match="Unknown",
            agreement_score=0.0,
            masked=False,
            leaking=False,
            contradictory=False,
            tone_probabilities={"neutral": 0.8, "angry": 0.2},
            text_emotion_probabilities={"Neutral": 1.0},
            words=words_of(speaker, start, end, text),
        )
        for speaker, start, end, text in said
    )
    return RecordingResult(
        file="call.wav",
        emotion="neutral",
        emotion_score=0.8,
        transcript=" ".join(text for *_, text in said),
        sentiment_score=0.0,
        tone_sentiment_match="Unknown",
        segments=segments,
        status="accepted",
        reasons=(),
        detail=None,
        recording_id="a" * 64,
    )
