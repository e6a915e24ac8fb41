"""Normalising, committees, the shipped model and pooling: what a score depends on, and what it does not."""

import json
import shutil
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_pipeline.engine.common.errors import ArtefactError, UnknownBackendError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, ToneScore
from emotion_pipeline.engine.tone.acoustic import model as acoustic
from emotion_pipeline.engine.tone.acoustic.committee import OUTPUTS, Committee, KernelMachine
from emotion_pipeline.engine.tone.acoustic.measure import sources, vector_names
from emotion_pipeline.engine.tone.acoustic.normalise import Normaliser
from emotion_pipeline.engine.tone.base import ToneModel, ToneOptions, evidence, pool_scores
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES, FOUR_CLASS, TONES
from emotion_pipeline.engine.tone.registry import load_tone_model


@pytest.fixture(scope="module")
def model() -> ToneModel:
    return load_tone_model()


def utterance(seed: int, seconds: float = 1.0) -> Channel:
    """A melody of its own for each seed: a buzz that glides, in noise."""
    rng = np.random.default_rng(seed)
    count = int(seconds * SAMPLE_RATE)
    hertz = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, 5), rng.uniform(90, 300, 5))
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    buzz = sum(np.sin(k * phase) / k ** rng.uniform(0.5, 2) for k in range(1, 9))
    return (0.1 * buzz + 0.01 * rng.standard_normal(count)).astype(np.float32)


def values(score: ToneScore) -> list[float]:
    return [score.probabilities[tone] for tone in ACOUSTIC_TONES]


def test_the_four_tones_are_among_the_eight_and_calm_counts_as_neutral() -> None:
    assert set(ACOUSTIC_TONES) == set(FOUR_CLASS.values()) < set(TONES)
    assert FOUR_CLASS["calm"] == "neutral"
    assert TONES[5] == "neutral"


def test_an_unknown_model_is_refused_with_the_names_of_the_known_ones() -> None:
    with pytest.raises(UnknownBackendError, match=r"'nonsense'.*acoustic"):
        load_tone_model("nonsense")


def test_the_shipped_model_says_what_it_is_and_is_small(model: ToneModel) -> None:
    backend, name, version, digest = model.fingerprint.split(":")
    assert (backend, len(digest)) == ("acoustic", 12)
    assert name
    assert version
    assert model.labels == ACOUSTIC_TONES
    assert sum(path.stat().st_size for path in acoustic.SHIPPED.iterdir()) < 5_000_000


def test_the_shipped_model_was_never_trained_on_the_non_commercial_corpus() -> None:
    card = json.loads((acoustic.SHIPPED / "card.json").read_text(encoding="utf-8"))
    assert set(card["metrics"]["clips"]) == {"emodb", "banglaser", "crema_d"}


def test_no_utterances_give_no_scores(model: ToneModel) -> None:
    assert model.score([]) == []


@pytest.mark.parametrize("seconds", [0.0, 1 / SAMPLE_RATE, 0.05, 0.29, 2.0, 10.5, 33.0])
def test_an_utterance_of_any_length_has_probabilities_that_sum_to_one(model: ToneModel, seconds: float) -> None:
    (score,) = model.score([utterance(1, seconds)])
    assert set(score.probabilities) == set(ACOUSTIC_TONES)
    assert sum(values(score)) == pytest.approx(1)
    assert min(values(score)) >= 0


def test_silence_is_close_to_unknown_and_leans_to_neutral(model: ToneModel) -> None:
    (score,) = model.score([np.zeros(SAMPLE_RATE, dtype=np.float32)])
    assert score.tone == "neutral"
    assert score.probability < 0.3
    assert sum(values(score)) == pytest.approx(1)


def test_silence_in_a_group_does_not_change_its_others(model: ToneModel) -> None:
    spoken = [utterance(i) for i in range(3)]
    alone = model.score(spoken, ["a"] * 3)
    with_silence = model.score([*spoken, np.zeros(SAMPLE_RATE, dtype=np.float32)], ["a"] * 4)
    assert with_silence[:3] == alone


def test_a_score_does_not_depend_on_the_gain(model: ToneModel) -> None:
    (plain,), (quiet,) = model.score([utterance(3)]), model.score([utterance(3) * np.float32(0.05)])
    assert values(quiet) == pytest.approx(values(plain), abs=0.01)


@given(st.permutations(list(range(8))), st.lists(st.sampled_from("abc"), min_size=8, max_size=8))
@settings(max_examples=10, deadline=None)
def test_the_order_of_a_batch_changes_no_score(model: ToneModel, order: list[int], groups: list[str]) -> None:
    utterances = [utterance(i, 0.5) for i in range(8)]
    straight = model.score(utterances, groups)
    shuffled = model.score([utterances[i] for i in order], [groups[i] for i in order])
    for place, i in enumerate(order):
        assert values(shuffled[place]) == pytest.approx(values(straight[i]), abs=1e-9)


def test_the_other_groups_of_a_batch_change_no_score(model: ToneModel) -> None:
    first, second = [utterance(i) for i in range(3)], [utterance(i) for i in range(3, 6)]
    together = model.score([*first, *second], ["a"] * 3 + ["b"] * 3)
    assert together == [*model.score(first, ["a"] * 3), *model.score(second, ["b"] * 3)]


def test_without_groups_each_utterance_stands_alone(model: ToneModel) -> None:
    utterances = [utterance(i) for i in range(4)]
    assert model.score(utterances) == [score for samples in utterances for score in model.score([samples])]


def test_a_voice_that_is_known_is_scored_relative_to_itself(model: ToneModel) -> None:
    utterances = [utterance(i) for i in range(4)]
    known, alone = model.score(utterances, ["a"] * 4), model.score(utterances)
    assert any(
        abs(a - b) > 0.01 for k, s in zip(known, alone, strict=True) for a, b in zip(values(k), values(s), strict=True)
    )


def test_as_many_groups_as_utterances_are_needed(model: ToneModel) -> None:
    with pytest.raises(ValueError, match="2 utterances came with 1 groups"):
        model.score([utterance(1), utterance(2)], ["a"])


def test_a_weight_file_with_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    damaged = shutil.copytree(acoustic.SHIPPED, tmp_path / "damaged")
    content = bytearray((damaged / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (damaged / "weights.safetensors").write_bytes(content)
    with pytest.raises(ArtefactError, match="SHA-256"):
        load_tone_model("acoustic", ToneOptions(str(damaged)))


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"card\.json"):
        load_tone_model("acoustic", ToneOptions(str(tmp_path)))


def test_weights_for_other_features_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acoustic, "vector_names", lambda: ("loudness",))
    with pytest.raises(ArtefactError, match="other features"):
        acoustic.AcousticToneModel.load()


def test_weights_for_another_encoder_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acoustic, "encoder_identity", lambda: "base@0123456789ab")
    with pytest.raises(ArtefactError, match="other features"):
        acoustic.AcousticToneModel.load()


def test_a_committee_with_a_missing_machine_is_refused(tmp_path: Path) -> None:
    from emotion_pipeline.engine.models.artefact import read_artefact, write_artefact

    whole = read_artefact(acoustic.SHIPPED, acoustic.BACKEND)
    tensors = {name: array for name, array in whole.tensors.items() if name != "relative.1.landmarks"}
    write_artefact(tmp_path / "partial", dict(whole.card), tensors, dict(whole.terms))
    with pytest.raises(ArtefactError, match=r"1\.landmarks"):
        load_tone_model("acoustic", ToneOptions(str(tmp_path / "partial")))


def test_two_loads_give_identical_scores() -> None:
    first, second = (load_tone_model().score([utterance(5)]) for _ in range(2))
    assert first == second


def machine(rng: np.random.Generator, source: str, landmarks: int = 5, weight: float = 1.0) -> KernelMachine:
    width = len(vector_names()[sources()[source]])
    output = rng.standard_normal((landmarks, len(OUTPUTS)))
    return KernelMachine(source, rng.standard_normal((landmarks, width)), 0.5 / width, output, weight)


def test_a_committee_survives_being_written_and_read(rng: np.random.Generator) -> None:
    committee = Committee((machine(rng, "encoder"), machine(rng, "functionals", weight=0.5)))
    again = Committee.from_tensors(committee.tensors(), committee.description())
    inputs = rng.standard_normal((7, len(vector_names())))
    before, after = committee.scores(inputs), again.scores(inputs)
    assert after.logits == pytest.approx(before.logits, abs=0.01)
    assert after.dimensions == pytest.approx(before.dimensions, abs=0.01)


def test_likeness_is_one_for_the_same_and_falls_with_distance(rng: np.random.Generator) -> None:
    compared = machine(rng, "functionals", landmarks=2)
    inputs = np.zeros((1, len(vector_names())))
    inputs[0, sources()["functionals"]] = compared.landmarks[0]
    (likeness,) = compared.likeness(inputs)
    apart = ((compared.landmarks[0] - compared.landmarks[1]) ** 2).sum()
    assert likeness == pytest.approx([1, np.exp(-compared.steepness * apart)])


def test_what_is_unlike_all_examples_is_scored_as_no_tone_more_than_another(rng: np.random.Generator) -> None:
    committee = Committee((machine(rng, "encoder", landmarks=30), machine(rng, "functionals")))
    strange = np.full((1, len(vector_names())), 100.0)
    assert committee.scores(strange).logits == pytest.approx(0, abs=1e-9)


def test_a_machine_of_more_weight_has_more_say(rng: np.random.Generator) -> None:
    first, second = machine(rng, "encoder"), machine(rng, "functionals")
    inputs = rng.standard_normal((3, len(vector_names())))
    alone = Committee((first,)).scores(inputs).logits
    for weight in (0.1, 0.01):
        light = KernelMachine(second.source, second.landmarks, second.steepness, second.output, weight)
        together = Committee((first, light)).scores(inputs).logits
        assert together == pytest.approx(alone, abs=100 * weight)


def test_a_voice_that_is_well_known_is_centred_and_a_new_one_is_standardised(rng: np.random.Generator) -> None:
    offsets = rng.normal(0, 10, 50)
    voices = np.repeat(np.arange(50).astype(str), 20)
    vectors = (np.repeat(offsets, 20)[:, None] + rng.standard_normal((1000, 1))).astype(np.float32)
    normaliser = Normaliser.fit(vectors, voices)
    far = vectors[voices == str(offsets.argmax())]
    assert normaliser.apply(far, far).mean() == pytest.approx(0, abs=0.2)
    alone = np.concatenate([normaliser.apply(far[[i]], far[[i]]) for i in range(len(far))])
    assert alone.mean() == pytest.approx((far.mean() - offsets.mean()) / np.hypot(offsets.std(), 1), rel=0.05)


def test_a_measuring_error_cannot_dominate(rng: np.random.Generator) -> None:
    vectors = rng.standard_normal((100, 3)).astype(np.float32)
    normaliser = Normaliser.fit(vectors, np.repeat(["a", "b"], 50))
    wild = np.full((1, 3), 1e9, dtype=np.float32)
    assert np.abs(normaliser.apply(wild, wild)).max() <= 5


def score_of(*probabilities: float) -> ToneScore:
    return ToneScore(dict(zip(ACOUSTIC_TONES, probabilities, strict=True)))


def test_pooling_is_the_weighted_geometric_mean() -> None:
    pooled = pool_scores([score_of(0.8, 0.1, 0.05, 0.05), score_of(0.2, 0.4, 0.2, 0.2)], [1, 1])
    raw = np.sqrt([0.16, 0.04, 0.01, 0.01])
    assert values(pooled) == pytest.approx((raw / raw.sum()).tolist())


def test_pooling_with_all_weight_on_one_part_returns_that_part() -> None:
    parts = [score_of(0.7, 0.1, 0.1, 0.1), score_of(0.1, 0.1, 0.1, 0.7)]
    assert values(pool_scores(parts, [0, 3])) == pytest.approx(values(parts[1]))


def test_pooling_without_any_weight_counts_all_parts_the_same() -> None:
    parts = [score_of(0.7, 0.1, 0.1, 0.1), score_of(0.1, 0.1, 0.1, 0.7)]
    assert values(pool_scores(parts, [0, 0])) == pytest.approx(values(pool_scores(parts, [1, 1])))


def test_a_probability_of_zero_does_not_break_pooling() -> None:
    pooled = pool_scores([score_of(1, 0, 0, 0), score_of(0.4, 0.6, 0, 0)], [1, 1])
    assert pooled.tone == "angry"
    assert sum(values(pooled)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("scores", "weights"),
    [([], []), ([score_of(1, 0, 0, 0)], []), ([score_of(1, 0, 0, 0), ToneScore({"angry": 1.0})], [1, 1])],
)
def test_parts_that_do_not_fit_together_are_not_pooled(scores: list[ToneScore], weights: list[float]) -> None:
    with pytest.raises(ValueError, match="cannot pool"):
        pool_scores(scores, weights)


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4).filter(any), min_size=1, max_size=6), st.randoms())
def test_pooling_sums_to_one_in_any_order(rows: list[list[float]], random: Random) -> None:
    scores = [score_of(*(value / sum(row) for value in row)) for row in rows]
    weights = [random.random() for _ in scores]
    pooled = pool_scores(scores, weights)
    backwards = pool_scores(scores[::-1], weights[::-1])
    assert sum(values(pooled)) == pytest.approx(1)
    assert values(pooled) == pytest.approx(values(backwards), abs=1e-9)


def test_pooling_averages_valence_and_arousal_of_the_parts_that_have_them() -> None:
    heated, still = ToneScore({"angry": 1.0}, 0.1, 0.9), ToneScore({"angry": 1.0}, 0.3, 0.1)
    pooled = pool_scores([heated, still, ToneScore({"angry": 1.0})], [3, 1, 5])
    assert (pooled.valence, pooled.arousal) == pytest.approx((0.15, 0.7))
    assert pool_scores([ToneScore({"angry": 1.0})], [1]).valence is None


def test_a_certain_part_is_evidence_by_its_length_and_an_even_one_is_none() -> None:
    assert evidence(score_of(1, 0, 0, 0), 3.0) == pytest.approx(3, abs=1e-6)
    assert evidence(score_of(0.25, 0.25, 0.25, 0.25), 3.0) == pytest.approx(0, abs=1e-9)
    assert evidence(score_of(0.7, 0.1, 0.1, 0.1), 1.0) < evidence(score_of(0.9, 0.1, 0, 0), 1.0)
    assert evidence(ToneScore({"angry": 1.0}), 2.0) == 2.0


def test_many_unsure_segments_do_not_outvote_a_certain_one() -> None:
    parts = [score_of(0.94, 0.02, 0.02, 0.02), *[score_of(0.2, 0.2, 0.38, 0.22)] * 4]
    by_evidence = pool_scores(parts, [evidence(part, 2.0) for part in parts])
    assert by_evidence.tone == "angry"


def test_valence_and_arousal_are_told_for_what_is_heard_and_not_for_silence(model: ToneModel) -> None:
    spoken, silent = model.score([utterance(1), np.zeros(SAMPLE_RATE, dtype=np.float32)])
    assert spoken.valence is not None
    assert spoken.arousal is not None
    assert 0 <= spoken.valence <= 1
    assert 0 <= spoken.arousal <= 1
    assert (silent.valence, silent.arousal) == (None, None)
