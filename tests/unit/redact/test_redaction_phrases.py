"""What is taken out of phrases that people say, and what is left alone: the table in ``phrases.yaml``."""

from pathlib import Path

import pytest
import yaml
from support.speaking import words_of

from emotion_pipeline.engine.redact.kinds import DataKind, placeholder
from emotion_pipeline.engine.redact.redactor import Redactor

PHRASES = yaml.safe_load(Path(__file__).with_name("phrases.yaml").read_text(encoding="utf-8"))
FOUND = [(kind, phrase) for kind, phrases in PHRASES["found"].items() for phrase in phrases]
KEPT = PHRASES["kept"]


def marked(phrase: str) -> tuple[list[str], list[bool]]:
    """Return the words of a phrase without its braces, and which of them stand inside."""
    words, inside, open_ = [], [], False
    for word in phrase.split():
        open_ = open_ or word.startswith("{")
        inside.append(open_)
        open_ = open_ and not word.endswith("}")
        words.append(word.strip("{}"))
    return words, inside


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(FOUND) >= 150
    assert len(KEPT) >= 150
    assert set(PHRASES["found"]) == {kind.value for kind in DataKind} - {"person_name"}


@pytest.mark.parametrize(("kind", "phrase"), FOUND)
def test_personal_data_are_taken_out_whole_and_nothing_else_is(kind: str, phrase: str) -> None:
    texts, personal = marked(phrase)
    words = words_of(" ".join(texts))
    redacted, spans = Redactor().redact(words)
    expected = [
        placeholder(DataKind(kind), text) if hidden else text for text, hidden in zip(texts, personal, strict=True)
    ]
    assert [word.text for word in redacted] == expected
    assert {span.kind for span in spans} == {kind}
    # Without its kind the phrase is never given that kind.
    others = [other.value for other in DataKind if other.value not in (kind, "person_name")]
    assert kind not in {span.kind for span in Redactor(others).redact(words)[1]}


@pytest.mark.parametrize("phrase", KEPT)
def test_ordinary_speech_is_left_alone(phrase: str) -> None:
    words = tuple(words_of(phrase))
    assert Redactor().redact(words) == (words, ())
