"""Training and evaluation on small corpora: real clips where the shared data is there, made ones otherwise."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from support.tone_corpus import make_corpus, spoken, write_manifest, write_wave

from emotion_pipeline.engine.common.errors import ArtefactError, TrainingDataError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, ToneScore
from emotion_pipeline.engine.tone.base import ToneOptions
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES, TONES
from emotion_pipeline.engine.tone.registry import load_tone_model
from emotion_pipeline.training.evaluation.tone import evaluate_tone, four_classes
from emotion_pipeline.training.tone.acoustic_training import train_tone_model
from emotion_pipeline.training.tone.corpus import read_clip, read_manifest, without_duplicates
from emotion_pipeline.training.tone.dimensions import dimensions_of
from emotion_pipeline.training.tone.metrics import rank_correlation


def test_tones_that_differ_are_learnt_and_the_artefact_gives_the_reported_model(tmp_path: Path) -> None:
    manifests = [make_corpus(tmp_path / name, seed=i) for i, name in enumerate(("first", "second"))]
    report = train_tone_model(manifests, tmp_path / "model")
    model = load_tone_model("acoustic", ToneOptions(str(tmp_path / "model")))
    assert model.fingerprint == report.fingerprint
    assert report.clips == {"first": 40, "second": 40}
    assert [part.corpus for part in report.leave_one_corpus_out] == ["first", "second"]
    assert all(part.uar_4 > 0.8 for part in (*report.by_speaker, *report.leave_one_corpus_out))
    unheard = evaluate_tone(model, make_corpus(tmp_path / "third", seed=9))
    assert unheard.uar_4 > 0.8
    card = json.loads((tmp_path / "model" / "card.json").read_text(encoding="utf-8"))
    assert card["metrics"]["temperature_alone"] == report.temperature_alone > 0
    assert str(tmp_path) not in json.dumps(card)


def test_training_twice_gives_the_same_artefact_whatever_the_number_of_workers(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    once = train_tone_model([manifest], tmp_path / "once", seed=3)
    again = train_tone_model([manifest], tmp_path / "again", seed=3, workers=2)
    assert once.fingerprint == again.fingerprint
    assert once.leave_one_corpus_out == ()
    assert json.dumps(once.to_dict())


@pytest.mark.full
def test_a_small_part_of_real_corpora_is_learnt_better_than_chance(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "tone" / "emodb"
    with (source / "manifest.csv").open(encoding="utf-8") as file:
        rows = [row for i, row in enumerate(csv.DictReader(file)) if i % 4 == 0]
    (tmp_path / "emodb").mkdir()
    for row in rows:
        (tmp_path / "emodb" / row["file"]).symlink_to(source / row["file"])
    kept = [{name: row[name] for name in ("file", "speaker", "emotion")} for row in rows]
    report = train_tone_model([write_manifest(tmp_path / "emodb", kept)], tmp_path / "model")
    assert report.by_speaker[0].uar_4 > 0.5


@pytest.mark.full
def test_the_shipped_model_is_better_than_chance_on_a_corpus_it_has_not_heard(shared_data: Path) -> None:
    evaluation = evaluate_tone(load_tone_model(), shared_data / "tone" / "ravdess" / "manifest.csv")
    assert evaluation.n == 432
    assert evaluation.uar_4_interval[0] > 0.35
    assert evaluation.uar_4_interval[0] <= evaluation.uar_4 <= evaluation.uar_4_interval[1]
    assert evaluation.audio_seconds_per_second > 10


def test_recordings_with_the_same_sound_are_used_once(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    (tmp_path / "corpus" / "1.wav").write_bytes((tmp_path / "corpus" / "0.wav").read_bytes())
    clips = read_manifest(manifest)
    assert len(clips) == 40
    kept = without_duplicates(clips)
    assert [clip.path.name for clip in clips if clip not in kept] == ["1.wav"]


def test_an_output_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    with pytest.raises(ArtefactError, match=r"no card\.json"):
        train_tone_model([manifest], tmp_path / "corpus")
    assert manifest.is_file()


def test_an_output_folder_that_cannot_be_made_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in use", encoding="utf-8")
    for output in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(ArtefactError, match="file"):
            train_tone_model([tmp_path / "no manifest.csv"], output)


def test_a_speaker_at_fault_shows_in_the_spread_and_each_clip_in_the_confusion(tmp_path: Path) -> None:
    evaluation = evaluate_tone(load_tone_model(), make_corpus(tmp_path / "corpus"))
    spread = evaluation.speakers
    assert spread.count == 5
    assert spread.lowest <= spread.median <= spread.highest
    assert sum(sum(row.values()) for row in evaluation.confusion.values()) == evaluation.n == 40
    for tone, row in evaluation.confusion.items():
        assert row[tone] / sum(row.values()) == evaluation.recall[tone]
    assert sum(part.n for part in evaluation.calibration) == 40


def test_the_figures_have_the_keys_of_the_command_contract(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    evaluation = evaluate_tone(load_tone_model(), manifest, normalise_by_speaker=True).to_dict()
    contract = {"n", "uar_4", "recall", "ece", "audio_seconds_per_second"}
    assert contract | {"uar_4_interval", "confusion", "calibration", "speakers"} <= set(evaluation)
    assert set(evaluation["recall"]) == set(ACOUSTIC_TONES)
    assert evaluation["normalised_by_speaker"] is True
    assert json.dumps(evaluation)


def test_figures_tell_certain_clips_whole_recordings_and_dimensions_apart(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    evaluation = evaluate_tone(load_tone_model(), manifest)
    assert 0 <= evaluation.certain.share <= 1
    # Five speakers in four tones.
    assert evaluation.recordings.n == 20
    assert evaluation.dimensions is not None
    assert evaluation.dimensions.n == 41
    assert evaluation.dimensions.pairs == 0
    clips = read_manifest(manifest, every_label=True)
    values = [score.arousal or 0.0 for score in load_tone_model().score(map(read_clip, clips))]
    places = [dimensions_of(clip.emotion, clip.intensity)[1] for clip in clips]
    assert evaluation.dimensions.arousal == pytest.approx(rank_correlation(np.array(places), np.array(values)))
    assert evaluation.dimensions.stronger_is_more_aroused is None


def test_the_stronger_version_of_a_sentence_is_compared_with_the_normal_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sounds = {"normal": spoken("sad", rng) * np.float32(0.5), "strong": spoken("angry", rng)}
    lines = ["file,speaker,emotion,intensity,text"]
    for intensity, sound in sounds.items():
        write_wave(tmp_path / f"{intensity}.wav", sound)
        lines.append(f"{intensity}.wav,s,angry,{intensity},Dogs are sitting by the door")
    write_wave(tmp_path / "surprised.wav", spoken("happy", rng))
    lines.append("surprised.wav,s,surprised,normal,Dogs are sitting by the door")
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    dimensions = evaluate_tone(load_tone_model(), tmp_path / "manifest.csv").dimensions
    assert dimensions is not None
    assert (dimensions.n, dimensions.pairs) == (3, 1)
    assert dimensions.stronger_is_more_aroused in (0.0, 1.0)


@pytest.mark.full
def test_clips_can_go_through_a_telephone_first(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    plain, telephone = (evaluate_tone(load_tone_model(), manifest, channel=name) for name in (None, "telephone"))
    assert telephone.channel == "telephone"
    assert telephone.n == plain.n
    assert telephone.calibration != plain.calibration


def test_measured_clips_are_kept_and_training_again_gives_the_same_artefact(tmp_path: Path) -> None:
    manifest, work = make_corpus(tmp_path / "corpus"), tmp_path / "work"
    first = train_tone_model([manifest], tmp_path / "first", work=work)
    kept = sorted(work.iterdir())
    assert len(kept) == 41
    again = train_tone_model([manifest], tmp_path / "again", work=work)
    assert again.fingerprint == first.fingerprint
    assert sorted(work.iterdir()) == kept


def test_calm_counts_as_neutral_and_tones_outside_the_four_are_left_out() -> None:
    eight = ToneScore({tone: 0.3 if tone == "calm" else 0.1 for tone in TONES})
    assert four_classes([eight])[0] == pytest.approx(np.array([1, 1, 4, 1]) / 7)


def test_rows_outside_the_four_classes_are_skipped_and_calm_ones_counted_as_neutral(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = ("calm", "neutral", "disgust", "surprised", "sad")
    for label in labels:
        write_wave(tmp_path / f"{label}.wav", spoken("neutral", rng))
    manifest = write_manifest(tmp_path, [{"file": f"{e}.wav", "speaker": "s", "emotion": e} for e in labels])
    assert [clip.tone for clip in read_manifest(manifest)] == ["neutral", "neutral", "sad"]
    evaluation = evaluate_tone(load_tone_model(), manifest)
    assert evaluation.n == 3
    assert evaluation.recall["angry"] is None
    assert evaluation.recall["happy"] is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"file": "0.wav", "speaker": "s", "emotion": "bored"}, r"manifest\.csv, row 2: 'bored' is no known label"),
        ({"file": "gone.wav", "speaker": "s", "emotion": "sad"}, r"manifest\.csv, row 2: .*'gone\.wav' is not beside"),
        ({"file": "0.wav", "speaker": "", "emotion": "sad"}, r"manifest\.csv, row 2: the speaker is empty"),
        ({"file": "0.wav", "speaker": "s", "emotion": "disgust"}, "no row labelled"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, row: dict[str, str], message: str) -> None:
    write_wave(tmp_path / "0.wav", spoken("sad", np.random.default_rng(0)))
    with pytest.raises(TrainingDataError, match=message):
        evaluate_tone(load_tone_model(), write_manifest(tmp_path, [row]))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("file,emotion\na.wav,sad\n", encoding="utf-8")
    with pytest.raises(TrainingDataError, match="lacks the column speaker"):
        read_manifest(manifest)


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"none\.csv cannot be read"):
        read_manifest(tmp_path / "none.csv")


def test_an_unreadable_recording_is_named_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "0.wav").write_bytes(b"not audio")
    manifest = write_manifest(tmp_path, [{"file": "0.wav", "speaker": "s", "emotion": "sad"}])
    with pytest.raises(TrainingDataError, match=r"manifest\.csv, row 2: "):
        evaluate_tone(load_tone_model(), manifest)


def test_a_silent_recording_is_named_with_its_row(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    write_wave(tmp_path / "corpus" / "3.wav", np.zeros(SAMPLE_RATE, dtype=np.float32))
    with pytest.raises(TrainingDataError, match=r"row 5: 3\.wav is silent"):
        train_tone_model([manifest], tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_tone_without_a_clip_is_named(tmp_path: Path) -> None:
    manifest = make_corpus(tmp_path / "corpus")
    text = manifest.read_text(encoding="utf-8").replace(",sad", ",fearful")
    manifest.write_text(text, encoding="utf-8")
    with pytest.raises(TrainingDataError, match="labelled sad"):
        train_tone_model([manifest], tmp_path / "model")


def test_too_few_speakers_to_measure_on_unheard_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="2 speakers"):
        train_tone_model([make_corpus(tmp_path / "corpus", speakers=2)], tmp_path / "model")
