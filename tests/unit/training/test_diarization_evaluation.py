"""The diarization error rate against values that were computed by hand, and manifests that do not fit."""

from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span, SpeakersBy, Turn
from emotion_pipeline.training.evaluation.diarization import error_seconds, evaluate_diarization, read_rttm


def turns(*parts: tuple[float, float, str]) -> list[Turn]:
    return [Turn(Span(start, end), speaker) for start, end, speaker in parts]


TWO = turns((0, 10, "ann"), (10, 20, "bob"))


class Fixed:
    """A diarizer that finds the same turns in everything."""

    fingerprint = "fixed"
    speakers_by: SpeakersBy = "diarizer"
    shortest_s = 0.0

    def __init__(self, found: list[Turn]) -> None:
        self._found = tuple(found)

    def turns(self, channel: Channel) -> tuple[Turn, ...]:
        return self._found


def figures(found: list[Turn], reference: list[Turn] = TWO) -> tuple[float, float, float, float]:
    errors = error_seconds(reference, found)
    return tuple(round(value, 6) for value in (errors.missed, errors.false_alarm, errors.confused, errors.spoken))  # type: ignore[return-value]


def test_the_names_of_speakers_do_not_matter() -> None:
    # Collars take 0.25 s at 0 and 20 and 0.5 s at 10.
    assert figures(turns((0, 10, "x"), (10, 20, "y"))) == (0, 0, 0, 19)


def test_one_speaker_for_two_confuses_the_shorter_one() -> None:
    assert figures(turns((0, 20, "x")), turns((0, 12, "ann"), (12, 20, "bob"))) == (0, 0, 7.5, 19)


def test_nothing_found_is_all_missed() -> None:
    assert figures([]) == (19, 0, 0, 19)


def test_speech_where_nobody_speaks_is_a_false_alarm_outside_the_collar() -> None:
    assert figures([*turns((0, 10, "x"), (10, 25, "y"))]) == (0, 4.75, 0, 19)


def test_a_border_within_the_collar_costs_nothing() -> None:
    assert figures(turns((0, 10.2, "x"), (10.2, 20, "y"))) == (0, 0, 0, 19)


def test_both_speakers_count_where_they_overlap() -> None:
    overlapping = turns((0, 10, "ann"), (6, 16, "bob"))
    # Scored are 0.25–5.75, 6.25–9.75 (twice) and 10.25–15.75; one voice is found throughout, and it is ann's at first.
    assert figures(turns((0, 10, "x"), (10, 16, "y")), overlapping) == (3.5, 0, 0, 18)


def test_figures_of_a_manifest_are_weighted_by_time(tmp_path: Path) -> None:
    for name, seconds in (("long", 20), ("short", 4)):
        encode_flac(np.zeros((1, seconds * SAMPLE_RATE), dtype=np.float32), tmp_path / f"{name}.flac")
    (tmp_path / "long.rttm").write_text(
        "SPEAKER long 1 0.0 10.0 <NA> <NA> ann <NA> <NA>\nSPEAKER long 1 10.0 10.0 <NA> <NA> bob <NA> <NA>\n"
    )
    (tmp_path / "short.rttm").write_text("SPEAKER short 1 0.0 4.0 <NA> <NA> ann <NA> <NA>\n")
    (tmp_path / "m.csv").write_text("file,rttm\nlong.flac,long.rttm\nshort.flac,short.rttm\n")
    result = evaluate_diarization(Fixed(turns((0, 4, "x"))), tmp_path / "m.csv")
    # Missed: 4 to 20 s of the first, less its collars; nothing of the second.
    assert result.der == pytest.approx((19 - 3.75) / (19 + 3.5), abs=1e-4)
    assert (result.n, result.speaker_count_accuracy) == (2, 0.5)
    assert [(recording.speakers, recording.found) for recording in result.recordings] == [(2, 1), (1, 1)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("", "no line SPEAKER"), ("SPEAKER a 1 zero 1 <NA> <NA> ann", "line 1"), ("SPEAKER a 1 0.0", "line 1")],
)
def test_a_file_that_is_no_rttm_is_named(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "a.rttm").write_text(content)
    with pytest.raises(TrainingDataError, match=complaint):
        read_rttm(tmp_path / "a.rttm")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("file\na.wav\n", "rttm"), ("file,rttm\n", "no rows"), ("file,rttm\na.wav,a.rttm\n", r"a\.wav")],
)
def test_a_manifest_that_does_not_fit_is_named(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(content)
    with pytest.raises(TrainingDataError, match=complaint):
        evaluate_diarization(Fixed([]), tmp_path / "m.csv")
