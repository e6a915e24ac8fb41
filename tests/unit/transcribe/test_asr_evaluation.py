"""Word error rate and speed, and manifests that do not fit."""

import json
import shutil
from pathlib import Path

import pytest
from support.media import tone, wav

from emotion_pipeline.engine.common.errors import MediaError, TrainingDataError
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper
from emotion_pipeline.training.evaluation.asr import evaluate_asr, word_error_rate

READER = LocalTranscriber(faster_whisper())
HEADER = "file\tseconds\treference\n"


@pytest.fixture
def read(shared_data: Path, tmp_path: Path) -> Path:
    """A folder with two short sentences."""
    for name in ("LJ001-0002.flac", "LJ001-0008.flac"):
        shutil.copyfile(shared_data / "speech" / "read" / name, tmp_path / name)
    return tmp_path


def manifest(folder: Path, text: str) -> Path:
    path = folder / "manifest.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(TrainingDataError) as caught:
        evaluate_asr(READER, path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("reference", "heard", "rate"),
    [
        ("Don’t ask, “what”!", "don't ask what", 0.0),
        ("WELL-KNOWN (facts)_here", "well known facts here", 0.0),
        ("one two three four", "one too three", 0.5),
        ("one two", "", 1.0),
        ("one", "one two three", 2.0),
    ],
)
def test_case_and_punctuation_do_not_count_as_errors(reference: str, heard: str, rate: float) -> None:
    assert word_error_rate([reference], [heard]) == pytest.approx(rate)


def test_errors_are_pooled_over_all_words() -> None:
    assert word_error_rate(["a b c d e f g h i", "j"], ["a b c d e f g h i", "k"]) == pytest.approx(0.1)


def test_a_manifest_gives_figures_that_can_be_written_as_json(read: Path) -> None:
    path = manifest(
        read,
        HEADER
        + "LJ001-0002.flac\t1.90\tin being comparatively modern.\nLJ001-0008.flac\t\thas never been surpassed.\n",
    )
    figures = json.loads(json.dumps(evaluate_asr(READER, path).to_dict()))
    assert list(figures) == ["n", "wer", "audio_seconds_per_second", "excluded"]
    assert (figures["n"], figures["excluded"]) == (2, [])
    assert 0.0 <= figures["wer"] <= 0.2
    assert figures["audio_seconds_per_second"] > 0


def test_rows_whose_audio_is_not_half_there_are_left_out_and_named(read: Path) -> None:
    text = "LJ001-0002.flac\t53.27\tfrom fairest creatures\nLJ001-0008.flac\t1.78\thas never been surpassed\n"
    result = evaluate_asr(READER, manifest(read, HEADER + text))
    assert (result.n, result.excluded) == (1, ("LJ001-0002.flac",))


def test_a_file_that_one_row_fits_and_another_does_not_is_named(read: Path) -> None:
    text = "LJ001-0008.flac\t60\tsomething longer\nLJ001-0008.flac\t1.78\thas never been surpassed\n"
    result = evaluate_asr(READER, manifest(read, HEADER + text))
    assert (result.n, result.excluded) == (1, ("LJ001-0008.flac",))


def test_a_reference_for_both_channels_is_compared_with_each_channel(shared_data: Path, tmp_path: Path) -> None:
    shutil.copyfile(shared_data / "speech" / "stereo" / "stereo_diarization.wav", tmp_path / "both.wav")
    left = "He began a confused complaint against the wizard, who had vanished behind the curtain on the left."
    right = "The horizon seems extremely distant."
    both = evaluate_asr(READER, manifest(tmp_path, f"{HEADER}both.wav\t5.0\tL: {left} | R: {right}\n"))
    mixed = evaluate_asr(READER, manifest(tmp_path, f"{HEADER}both.wav\t5.0\t{left} {right}\n"))
    assert both.wer < 0.1
    assert mixed.wer > 0.3


def test_a_manifest_of_which_nothing_is_there_is_refused(read: Path) -> None:
    assert "less than half" in refusal(manifest(read, HEADER + "LJ001-0002.flac\t60\tmodern\n"))


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    assert "file, seconds, reference" in refusal(tmp_path / "no.tsv")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    message = refusal(manifest(tmp_path, "file\tseconds\ttext\na.wav\t1\thello\n"))
    assert "lacks the columns reference" in message
    assert "file, seconds, text" in message


@pytest.mark.parametrize("content", [b"", b"file\tseconds\treference\na\tb\tc\td\te\na\n", b"file\tseconds\xff\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.tsv").write_bytes(content)
    refusal(tmp_path / "manifest.tsv")


@pytest.mark.parametrize("reference", ["", "   ", "..."])
def test_a_manifest_without_references_is_refused(tmp_path: Path, reference: str) -> None:
    assert "no row with a reference" in refusal(manifest(tmp_path, f"{HEADER}a.wav\t1\t{reference}\n"))


def test_a_missing_recording_is_named(tmp_path: Path) -> None:
    assert "names a.wav, which does not lie beside it" in refusal(manifest(tmp_path, HEADER + "a.wav\t1\thello\n"))


def test_a_length_that_is_no_number_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone()))
    assert "a.wav has 'long' seconds" in refusal(manifest(tmp_path, HEADER + "a.wav\tlong\thello\n"))


def test_an_unreadable_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no audio")
    with pytest.raises(MediaError, match=r"a\.wav"):
        evaluate_asr(READER, manifest(tmp_path, HEADER + "a.wav\t1\thello\n"))
