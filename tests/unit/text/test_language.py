"""Telling languages by script and small words: what is known to be foreign, and what is too little to tell."""

import pytest

from emotion_pipeline.engine.text.language import seems_english, seems_one_of

SENTENCES = {
    "en": "the meeting is at nine and i am late",
    "de": "das ist nicht gut aber ich bin sehr froh",
    "fr": "je suis très content avec vous dans ce jardin",
    "es": "estoy muy contento porque eres el mejor",
    "pt": "não estou muito feliz com isso mas você é",
    "it": "sono molto felice per questo ma non ho tempo",
    "nl": "het is niet goed maar ik ben ook heel blij voor jij",
    "sv": "jag är inte glad och det är som på mycket",
    "hi": "यह बहुत अच्छा है",
    "ru": "это очень хорошо",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_in_its_own_language_and_english_only_if_that_is_english(language: str) -> None:
    text = SENTENCES[language]
    assert seems_english(text) is (language == "en")
    assert seems_one_of(text, frozenset({language, "en"})) is (language != "ru"), "of Russian nothing is known"


@pytest.mark.parametrize("language", ["nl", "sv", "ru"])
def test_what_several_languages_do_not_have_is_in_none_of_them(language: str) -> None:
    assert not seems_one_of(SENTENCES[language], frozenset({"en", "fr", "de", "hi", "it", "es", "pt"}))


@pytest.mark.parametrize("text", ["", "Gelukkig", "?!", "ja hoor"])
def test_what_is_too_short_to_tell_is_not_called_foreign(text: str) -> None:
    assert seems_english(text)
