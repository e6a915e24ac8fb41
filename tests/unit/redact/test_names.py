"""Names of persons, found by real spaCy pipelines that are made here."""

import sys
from pathlib import Path

import pytest
from support.speaking import dialogue, text_of, words_of

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.redact.names import SpacyNames, spacy_names
from emotion_pipeline.engine.redact.redactor import Redactor

PERSONS = ["John Smith", "Mary", "Anna-Lena O'Brien", "smith"]


def saved_pipeline(folder: Path, persons: list[str], label: str = "PERSON") -> str:
    import spacy

    pipeline = spacy.blank("en")
    ruler = pipeline.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    patterns = [{"label": label, "pattern": person} for person in persons] + [{"label": "ORG", "pattern": "Acme"}]
    ruler.add_patterns(patterns)  # pyright: ignore[reportFunctionMemberAccess]
    pipeline.to_disk(folder)
    return str(folder)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> SpacyNames:
    pytest.importorskip("spacy")
    return spacy_names(saved_pipeline(tmp_path_factory.mktemp("names") / "pipeline", PERSONS))


def test_names_are_taken_out_word_by_word(names: SpacyNames) -> None:
    redacted, spans = Redactor(names=names).redact(words_of("Hello, I am John Smith, from Acme, and this is Mary."))
    assert text_of(redacted) == "Hello, I am [PERSON_NAME] [PERSON_NAME], from Acme, and this is [PERSON_NAME]."
    assert [span.kind for span in spans] == ["person_name", "person_name"]


def test_a_word_with_a_part_of_a_name_is_taken_out_whole(names: SpacyNames) -> None:
    redacted, _ = Redactor(names=names).redact(words_of("(mary's) friend Anna-Lena O'Brien called"))
    assert text_of(redacted) == "[PERSON_NAME] friend [PERSON_NAME] [PERSON_NAME] called"


def test_each_speaker_is_read_by_itself(names: SpacyNames) -> None:
    words = [*words_of("my name is john", "speaker_1"), *words_of("yes go on", "speaker_2", 0.1)]
    words += words_of("smith", "speaker_1", 1.6)
    redacted, spans = Redactor(names=names).redact(sorted(words, key=lambda word: word.start))
    assert text_of(redacted, "speaker_1") == "my name is [PERSON_NAME] [PERSON_NAME]"
    assert len(spans) == 1


def test_names_beside_numbers_and_placeholders_are_found_once(names: SpacyNames) -> None:
    redactor = Redactor(names=names)
    words = dialogue(("speaker_1", "mary at example dot com"), ("speaker_2", "[PERSON_NAME] mary five five"))
    once, _ = redactor.redact(words)
    assert text_of(once, "speaker_1") == " ".join(["[EMAIL_ADDRESS]"] * 5)
    assert redactor.redact(once) == (once, ())


def test_names_in_long_speech_are_found(names: SpacyNames) -> None:
    words = words_of("and so on " * 300 + "John Smith " * 100)
    redacted, _ = Redactor(names=names).redact(words)
    assert text_of(redacted).count("[PERSON_NAME]") == 200


def test_names_may_be_left_in(names: SpacyNames) -> None:
    words = tuple(words_of("this is Mary"))
    assert Redactor(["url"], names).redact(words) == (words, ())
    assert Redactor(["url"], names).fingerprint == "redact:1:url:no names"


def test_pipelines_of_other_languages_name_persons_otherwise(tmp_path: Path) -> None:
    pytest.importorskip("spacy")
    finder = spacy_names(saved_pipeline(tmp_path / "pipeline", ["Jürgen"], label="PER"))
    assert finder.names([["hallo", "Jürgen,", "na"], []]) == [[range(1, 2)], []]


def test_the_fingerprint_names_what_is_in_the_pipeline(names: SpacyNames, tmp_path: Path) -> None:
    same = spacy_names(saved_pipeline(tmp_path / "same", PERSONS))
    other = spacy_names(saved_pipeline(tmp_path / "other", [*PERSONS, "Bob"]))
    assert names.fingerprint == same.fingerprint != other.fingerprint
    assert Redactor(names=names).fingerprint == f"redact:1:all:{names.fingerprint}"


def test_a_pipeline_that_is_not_installed_is_named() -> None:
    pytest.importorskip("spacy")
    with pytest.raises(BackendUnavailableError, match=r"'en_no_such_model'; run: python -m spacy download"):
        spacy_names("en_no_such_model")


def test_a_pipeline_without_entities_is_refused(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    pipeline.to_disk(tmp_path / "pipeline")
    with pytest.raises(BackendUnavailableError, match=r"recognises no entities.*sentencizer"):
        spacy_names(str(tmp_path / "pipeline"))


def test_a_missing_spacy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(BackendUnavailableError, match=r"pip install 'emotion-pipeline\[names\]'"):
        spacy_names("en_core_web_sm")
