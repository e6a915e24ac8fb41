"""Reading labelled corpora: what is accepted, and how what does not fit is named."""

from pathlib import Path

import pytest

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, LABELS
from emotion_pipeline.training.text.data import read_graded, read_label_names, read_labelled

HEADER = "ID\tTweet\tAffect Dimension\tIntensity Class\n"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("\n".join(LABELS))
    return path


def write(folder: Path, content: str, name: str = "data.tsv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def graded_folder(folder: Path, **contents: str) -> Path:
    for dimension in ("anger", "fear", "joy", "sadness"):
        text = contents.get(dimension, f"1\tsome text\t{dimension}\t2: moderate amount\n")
        write(folder, HEADER + text, f"EI-oc-En-{dimension}-dev.txt")
    return folder


def test_rows_become_texts_labels_and_bases(tmp_path: Path, labels: Path) -> None:
    corpus = read_labelled(write(tmp_path, "so glad\t17,2\tabc\nfine\t27\n"), labels)
    assert corpus.texts == ("so glad", "fine")
    assert [LABELS[i] for i in corpus.labels[0].nonzero()[0]] == ["anger", "joy"]
    assert [BASE_EMOTIONS[i] for i in corpus.bases[0].nonzero()[0]] == ["Happiness", "Anger"]
    assert [BASE_EMOTIONS[i] for i in corpus.bases[1].nonzero()[0]] == ["Neutral"]


def test_a_label_that_only_leans_to_a_base_is_no_core_of_it(tmp_path: Path, labels: Path) -> None:
    corpus = read_labelled(write(tmp_path, "thanks\t15\tabc\n"), labels)
    assert [BASE_EMOTIONS[i] for i in corpus.bases[0].nonzero()[0]] == ["Happiness"]
    assert [BASE_EMOTIONS[i] for i in corpus.core_bases[0].nonzero()[0]] == ["Other"]


def test_ids_follow_the_labels_file_and_not_the_taxonomy(tmp_path: Path) -> None:
    own = write(tmp_path, "joy\nneutral\n", "own.txt")
    corpus = read_labelled(write(tmp_path, "so glad\t0\n"), own)
    assert [LABELS[i] for i in corpus.labels[0].nonzero()[0]] == ["joy"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("fine\t27\nno columns here\n", "line 2.*1 column"),
        ("fine\t27\na\t1\tb\tc\n", "line 2.*4 column"),
        ("fine\t28\n", "line 1.*'28'; known are admiration"),
        ("fine\tbliss\n", "line 1.*'bliss'"),
        ("fine\t\n", "line 1.*''"),
        ("\n\n", "empty"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, labels: Path, content: str, message: str) -> None:
    with pytest.raises(TrainingDataError, match=message) as caught:
        read_labelled(write(tmp_path, content), labels)
    assert "data.tsv" in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [("joy\nhapiness\n", "line 2.*'hapiness'"), ("joy\njoy", "twice")])
def test_a_label_that_is_unknown_or_repeated_is_named(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        read_label_names(write(tmp_path, content))


def test_a_missing_file_and_one_that_is_not_utf8_are_named(tmp_path: Path, labels: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"absent\.tsv cannot be read"):
        read_labelled(tmp_path / "absent.tsv", labels)
    (tmp_path / "latin.tsv").write_bytes(b"caf\xe9\t27\n")
    with pytest.raises(TrainingDataError, match=r"latin\.tsv cannot be read"):
        read_labelled(tmp_path / "latin.tsv", labels)


def test_graded_files_give_levels_per_emotion_without_the_training_split(tmp_path: Path) -> None:
    folder = graded_folder(tmp_path, joy="1\tyes\\nyes\tjoy\t3: high amount\n2\tno\tjoy\t0: no joy\n")
    write(folder, HEADER + "1\tlearnt\tjoy\t1: low\n", "EI-oc-En-joy-train.txt")
    anger, fear, joy, sadness = read_graded(folder)
    assert [part.dimension for part in (anger, fear, joy, sadness)] == ["anger", "fear", "joy", "sadness"]
    assert joy.texts == ("yes yes", "no")
    assert joy.levels.tolist() == [3, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\ttext\tjoy\t4: too much\n", "line 2.*'4: too much'"),
        ("1\ttext\tfear\t1: low\n", "line 2.*'fear'"),
        ("1\ttext\n", "line 2"),
    ],
)
def test_a_graded_row_that_does_not_fit_is_named(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(TrainingDataError, match=message):
        read_graded(graded_folder(tmp_path, joy=content))


def test_a_graded_file_with_other_columns_and_a_missing_emotion_are_named(tmp_path: Path) -> None:
    write(graded_folder(tmp_path), "a\tb\n", "EI-oc-En-anger-dev.txt")
    with pytest.raises(TrainingDataError, match=r"anger-dev\.txt, line 1.*Tweet"):
        read_graded(tmp_path)
    with pytest.raises(TrainingDataError, match=r"no \*-anger-\*\.txt file of split train"):
        read_graded(tmp_path, "train")
