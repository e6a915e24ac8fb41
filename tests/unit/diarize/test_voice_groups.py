"""Vectors of voices to speakers: how many there are, and who has which window."""

import numpy as np
import pytest

from emotion_pipeline.engine.diarize.voice_groups import Floats, GroupRules, Labels, certainty, group

VARIANCES = np.array([9.0, 4.0, 2.0, 1.0, 1.0, 0.5, 0.5, 0.5])
RULES = GroupRules()


def spoken(people: list[int], seed: int = 0, windows: int = 8) -> tuple[Floats, Floats, Labels, Labels]:
    """Return vectors, seconds and stretches of as many windows a stretch as are asked for, and who speaks in each."""
    rng = np.random.default_rng(seed)
    voices = rng.standard_normal((max(people) + 1, len(VARIANCES))) * np.sqrt(VARIANCES) * 2
    who = np.repeat(people, windows)
    moods = np.repeat(rng.standard_normal((len(people), len(VARIANCES))) * 0.6, windows, axis=0)
    vectors = voices[who] + moods + rng.standard_normal((len(who), len(VARIANCES))) * 0.8
    return vectors, np.full(len(who), 0.4), np.repeat(np.arange(len(people)), windows), who


@pytest.mark.parametrize("people", [[0] * 10, [0, 1] * 8, [0, 1, 2] * 6, [0, 1, 0, 2, 3, 1] * 4])
def test_as_many_people_are_found_as_speak(people: list[int]) -> None:
    vectors, seconds, stretches, who = spoken(people)
    labels = group(vectors, seconds, stretches, VARIANCES, RULES)
    assert len(np.unique(labels)) == len(set(people))
    assert len({(int(label), int(person)) for label, person in zip(labels, who, strict=True)}) == len(set(people))


def test_a_known_number_of_people_is_kept() -> None:
    vectors, seconds, stretches, _ = spoken([0, 1, 2] * 5)
    labels = group(vectors, seconds, stretches, VARIANCES, RULES, people=2)
    assert set(labels.tolist()) == {0, 1}


def test_there_are_never_more_people_than_the_rules_allow() -> None:
    vectors, seconds, stretches, _ = spoken(list(range(9)) * 3)
    assert len(np.unique(group(vectors, seconds, stretches, VARIANCES, RULES))) <= RULES.most_people


def test_a_change_of_speaker_inside_a_stretch_is_heard() -> None:
    vectors, seconds, _, who = spoken([0, 1] * 6)
    stretches = np.repeat(np.arange(11), [*[8] * 10, 16])  # the last two are said without a pause
    labels = group(vectors, seconds, stretches, VARIANCES, RULES)
    assert labels[-16:-8].tolist() == [labels[0]] * 8
    assert labels[-8:].tolist() == [labels[8]] * 8
    assert len(who) == len(labels)


def test_a_long_recording_is_grouped_by_a_sample_of_its_stretches() -> None:
    vectors, seconds, stretches, who = spoken([0, 1, 2] * 60, windows=3)
    few = GroupRules(most_stretches=30)
    labels = group(vectors, seconds, stretches, VARIANCES, few)
    assert len({(int(label), int(person)) for label, person in zip(labels, who, strict=True)}) == 3


def test_a_turn_that_sounds_like_another_speaker_is_less_certain() -> None:
    vectors, seconds, stretches, _ = spoken([0, 1] * 8)
    labels = group(vectors, seconds, stretches, VARIANCES, RULES)
    strange = vectors.copy()
    strange[:8] = vectors[:8] * 0.5 + vectors[8:16] * 0.5
    sure = certainty(vectors, seconds, stretches, labels, VARIANCES, RULES)
    unsure = certainty(strange, seconds, stretches, labels, VARIANCES, RULES)
    assert sure.shape == (16,)
    assert ((sure >= 0) & (sure <= 1)).all()
    assert unsure[0] < sure[0]
