"""Metrics of built conversations against values that were worked out by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from support.conversation import FIRST, SECOND, Call, Said

from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.conversation import loudness
from emotion_pipeline.engine.stages.conversation_metrics import hour_of_day

LEVELS = (-30.0, -14.0)


def test_a_monologue_has_talk_pace_and_the_silence_behind_it(tmp_path: Path) -> None:
    call = Call(10.0, (Said(FIRST, 1.0, 4.0, "one two three"), Said(FIRST, 4.0, 6.0, "four five. six?")))
    speaker, whole = (call.subjects(tmp_path)[name] for name in (FIRST, "call"))
    assert (speaker["turns"], speaker["word_count"], speaker["questions"]) == (1, 6, 1)
    assert (speaker["talk_seconds"], speaker["talk_share"], speaker["words_per_minute"]) == (5.0, 1.0, 72.0)
    assert (whole["talk_share"], whole["non_talk_seconds"], whole["longest_non_talk_seconds"]) == (0.5, 5.0, 4.0)
    assert (whole["silence_count"], whole["silence_seconds"]) == (1, 4.0)
    assert (whole["speaker_count"], whole["interruptions"], whole["response_delay_seconds"]) == (1, 0, None)


def test_shares_turns_and_delays_of_a_dialogue(tmp_path: Path) -> None:
    spoken = (
        Said(FIRST, 0, 4, "a b c."),
        Said(SECOND, 5, 6, "d e."),
        Said(FIRST, 6.5, 8.5, "f."),
        Said(SECOND, 8.75, 9, "g"),
    )
    rows = Call(10.0, spoken).subjects(tmp_path)
    assert [rows[name]["talk_share"] for name in (FIRST, SECOND)] == pytest.approx([6 / 7.25, 1.25 / 7.25])
    assert [rows[name]["turns"] for name in (FIRST, SECOND, "call")] == [2, 2, 4]
    assert [rows[name]["response_delay_seconds"] for name in (FIRST, SECOND)] == [0.5, 0.625]
    assert rows["call"]["response_delay_seconds"] == 0.5
    assert rows["call"]["words_per_minute"] == pytest.approx(7 / 7.25 * 60)


def test_only_silences_over_three_seconds_are_counted(tmp_path: Path) -> None:
    call = Call(20.0, (Said(FIRST, 3.0, 4.0, "a"), Said(SECOND, 7.5, 8.0, "b"), Said(FIRST, 12.0, 20.0, "c")))
    whole = call.subjects(tmp_path)["call"]
    assert (whole["silence_count"], whole["silence_seconds"]) == (2, 7.5), "3 s before anybody talks are no silence"
    assert (whole["non_talk_seconds"], whole["longest_non_talk_seconds"]) == (10.5, 4.0)


def test_who_begins_before_another_has_ended_interrupts(tmp_path: Path) -> None:
    spoken = (
        Said(FIRST, 0.0, 5.0, "I was going to say that it was."),
        Said(SECOND, 3.5, 7.0, "No, that is not true."),
        Said(FIRST, 5.2, 6.0, "Let me finish please."),
        Said(FIRST, 9.0, 12.0, "As I said it was broken."),
        Said(SECOND, 11.75, 13.0, "I see what you mean."),
    )
    rows = Call(14.0, spoken).subjects(tmp_path)
    assert [rows[name]["interruptions"] for name in (FIRST, SECOND, "call")] == [0, 1, 1], "0.25 s is a quick answer"
    assert [rows[name]["interrupted"] for name in (FIRST, SECOND)] == [1, 0]
    assert [rows[name]["interruption_seconds"] for name in (FIRST, SECOND, "call")] == [0.0, 1.5, 1.5]
    assert rows["call"]["talk_seconds"] == 7.0 + 4.0, "what overlaps counts once"


def test_a_backchannel_interrupts_nobody(tmp_path: Path) -> None:
    call = Call(6.0, (Said(FIRST, 0.0, 6.0, "so I called you and you said"), Said(SECOND, 2.0, 2.75, "Mhm, yes.")))
    assert call.subjects(tmp_path)["call"]["interruptions"] == 0


@pytest.mark.parametrize(
    ("text", "gap", "cut_ins"), [("I wanted to", 0.1, 1), ("I wanted to.", 0.1, 0), ("I wanted to", 0.4, 0)]
)
def test_on_one_channel_who_follows_an_unfinished_sentence_cuts_in(
    tmp_path: Path, text: str, gap: float, cut_ins: int
) -> None:
    spoken = Said(FIRST, 0.0, 2.0, text), Said(SECOND, 2.0 + gap, 4.0, "No you listen to me.")
    rows = Call(5.0, spoken, two_channels=False).subjects(tmp_path)
    assert [rows[SECOND]["interruptions"], rows[FIRST]["interrupted"]] == [cut_ins, cut_ins]
    assert rows["call"]["interruption_seconds"] == 0.0
    assert Call(5.0, spoken).subjects(tmp_path)["call"]["interruptions"] == 0, (
        "two channels would have shown an overlap"
    )


def test_each_speaker_has_a_pace_of_their_own(tmp_path: Path) -> None:
    spoken = Said(FIRST, 0.0, 2.0, "a b c d e f g h."), Said(SECOND, 3.0, 6.0, "a b c d e f.")
    rows = Call(6.0, spoken).subjects(tmp_path)
    assert [rows[name]["words_per_minute"] for name in (FIRST, SECOND, "call")] == [240.0, 120.0, 168.0]


def test_loudness_is_that_of_a_reference_implementation(tmp_path: Path) -> None:
    first, second = LEVELS
    spoken = tuple(
        Said(name, start, start + 4.0, "words", level_db=level)
        for start, name, level in ((0, FIRST, first), (5, SECOND, second), (10, FIRST, first), (16, SECOND, second - 6))
    )
    call = Call(22.0, spoken)
    rows = call.subjects(tmp_path)
    meter = pyloudnorm.Meter(SAMPLE_RATE)
    sides = call.waveform()
    spoken = {FIRST: sides[0, : 14 * SAMPLE_RATE], SECOND: sides[1, 5 * SAMPLE_RATE :]}
    expected = {name: meter.integrated_loudness(samples) for name, samples in spoken.items()}
    expected["call"] = meter.integrated_loudness(sides.T)
    for name, value in expected.items():
        assert rows[name]["loudness_lufs"] == pytest.approx(value, abs=0.5), name
    assert rows["call"]["loudness_range_lu"] == pytest.approx(meter.loudness_range(sides.T), abs=1.0)


def test_a_full_scale_sine_is_as_loud_as_the_recommendation_says() -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    blocks = [sine[None, start : start + 64_001] for start in range(0, len(sine), 64_001)]
    assert loudness.integrated([loudness.powers(blocks)]) == pytest.approx(-3.01, abs=0.05)


def test_two_levels_ten_decibels_apart_have_a_range_of_ten() -> None:
    # EBU Tech 3342, table 1, case 1: 20 s at -20 dBFS, 20 s at -30 dBFS: 10 +- 1 LU.
    sine = np.sin(2 * np.pi * 1000 * np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE)
    tones = np.concatenate([0.1 * sine, 10**-1.5 * sine]).astype(np.float32)
    assert loudness.loudness_range([loudness.powers([np.stack([tones, tones])])]) == pytest.approx(10.0, abs=1.0)


def test_silence_has_no_loudness(tmp_path: Path) -> None:
    whole = Call(5.0, ()).subjects(tmp_path)["call"]
    assert (whole["loudness_lufs"], whole["loudness_range_lu"]) == (None, None)
    assert (whole["speaker_count"], whole["talk_seconds"], whole["non_talk_seconds"]) == (0, 0.0, 5.0)


def test_sentiment_goes_by_quarters_words_and_a_line(tmp_path: Path) -> None:
    spoken = tuple(
        Said(FIRST, 25.0 * index + 10, 25.0 * index + 15, "a b", sentiment)
        for index, sentiment in enumerate((0.6, 0.4, 0.2, 0.0))
    )
    row = Call(100.0, (*spoken, Said(FIRST, 90.0, 95.0, "a b c d e f", None))).subjects(tmp_path)[FIRST]
    assert [row[f"sentiment_q{number}"] for number in range(1, 5)] == pytest.approx([0.6, 0.4, 0.2, 0.0])
    assert row["sentiment_score"] == pytest.approx(0.3), "words without a sentiment do not count"
    assert row["sentiment_trend"] == pytest.approx(-0.8), "-0.2 a quarter"
    short = Call(100.0, spoken[:2]).subjects(tmp_path)[FIRST]
    assert (short["sentiment_trend"], short["sentiment_q3"], short["tone_q3"]) == (None, None, None)


@pytest.mark.parametrize(
    ("anger", "rise", "escalated", "recovered"),
    [
        ((0.1, 0.1, 0.6, 0.6), 0.5, True, False),
        ((0.1, 0.7, 0.6, 0.2), 0.6, True, True),
        ((0.7, 0.6, 0.2, 0.3), 0.1, False, False),
    ],
)
def test_anger_that_rises_is_an_escalation_and_may_be_over(
    tmp_path: Path, anger: tuple[float, ...], rise: float, escalated: bool, recovered: bool
) -> None:
    spoken = [Said(SECOND, 10.0 * index, 10.0 * index + 4, "a b c", angry=value) for index, value in enumerate(anger)]
    calm = [Said(FIRST, 10.0 * index + 5, 10.0 * index + 9, "a b c", angry=0.1) for index in range(4)]
    rows = Call(40.0, tuple(sorted((*spoken, *calm), key=lambda part: part.start))).subjects(tmp_path)
    for name in (SECOND, "call"):
        assert rows[name]["anger_rise"] == pytest.approx(rise)
        assert (rows[name]["escalated"], rows[name]["recovered"]) == (escalated, recovered)
    assert (rows[FIRST]["anger_rise"], rows[FIRST]["escalated"]) == (0.0, False)
    assert rows[SECOND]["tone_q2"] == ("angry" if anger[1] > 0.25 else rows[SECOND]["tone_q2"])


def test_excitement_alone_is_an_escalation_too(tmp_path: Path) -> None:
    spoken = Said(FIRST, 0.0, 4.0, "a", arousal=0.3), Said(FIRST, 6.0, 8.0, "b", arousal=0.6)
    row = Call(8.0, spoken).subjects(tmp_path)[FIRST]
    assert (row["arousal_rise"], row["anger_rise"], row["escalated"]) == (pytest.approx(0.3), 0.0, True)


def test_a_stereo_call_and_its_mono_mix_measure_the_same_within_bounds(tmp_path: Path) -> None:
    spoken = (
        Said(FIRST, 0.0, 4.0, "Thank you for calling how can I help you.", level_db=-22.0),
        Said(SECOND, 4.5, 9.0, "I ordered a lamp and it never came to my house."),
        Said(FIRST, 8.0, 13.0, "I am sorry about that let me look it up for you.", level_db=-22.0),
        Said(SECOND, 17.0, 20.0, "Please do it quickly."),
        Said(FIRST, 20.5, 23.0, "It is on its way to you.", level_db=-22.0),
    )
    stereo = Call(25.0, spoken)
    two, mono = stereo.subjects(tmp_path), stereo.on_one_channel().subjects(tmp_path)
    overlap = 1.0
    for name in (FIRST, SECOND, "call"):
        for same in ("turns", "interruptions", "interrupted", "speaker_role", "silence_count", "silence_seconds"):
            assert two[name][same] == mono[name][same], (name, same)
        assert abs(two[name]["talk_seconds"] - mono[name]["talk_seconds"]) <= overlap
        assert abs(two[name]["talk_share"] - mono[name]["talk_share"]) <= overlap / 17
        assert two[name]["words_per_minute"] == pytest.approx(mono[name]["words_per_minute"], rel=0.1)
        # The mean of two channels of which one speaks has a quarter of its power.
        assert two[name]["loudness_lufs"] - mono[name]["loudness_lufs"] == pytest.approx(6.02, abs=0.5), name
    assert two["call"]["interruptions"] == 1
    assert (two["call"]["interruption_seconds"], mono["call"]["interruption_seconds"]) == (1.0, 0.0)


def test_loudness_is_heard_once_and_taken_over(tmp_path: Path) -> None:
    call = Call(6.0, (Said(FIRST, 0.0, 2.0, "a b"), Said(SECOND, 3.0, 5.0, "c d")))
    first = call.measured(tmp_path)
    assert (first.computed, first.reused, first.seconds_of_audio) == (3, 0, 6.0)
    again = call.measured(tmp_path, previous=first.rows)
    assert (again.computed, again.reused) == (0, 3)
    assert again.rows.equals(first.rows)
    moved = replace(call, spoken=(call.spoken[0], Said(SECOND, 3.0, 5.5, "c d")))
    assert moved.measured(tmp_path, previous=first.rows).computed == 3
    assert call.measured(tmp_path, previous=first.rows, roles=("agent",)).computed == 3, "another rule"


@pytest.mark.parametrize(
    ("file", "hour"),
    [
        ("a/2026-11-02T14-30-05.wav", 14),
        ("call_20261102_0930.mp3", 9),
        ("20261102 235959.wav", 23),
        ("call.wav", None),
        ("2026-11-02.wav", None),
        ("invoice_20261102_99.wav", None),
    ],
)
def test_the_hour_is_what_the_name_of_the_file_says(file: str, hour: int | None) -> None:
    assert hour_of_day(file) == hour
