"""Redaction of whole recordings: dialogues, cross-talk, times, repetition, and what a redactor may be told."""

import time
from dataclasses import replace

import pytest
from support.speaking import dialogue, text_of, words_of

from emotion_pipeline.engine.common.types import Span, Word
from emotion_pipeline.engine.redact.kinds import DataKind, is_placeholder, placeholder
from emotion_pipeline.engine.redact.redactor import Redactor

CARD = "four two four two four two four two four two four two four two four two"


def kinds_of(words: list[Word]) -> list[str]:
    return [span.kind for span in Redactor().redact(words)[1]]


def test_every_word_keeps_its_times_probability_and_speaker() -> None:
    words = dialogue(("speaker_1", f"my card is {CARD} okay"), ("speaker_2", "call five five five one two one two"))
    words = [replace(word, probability=index / len(words)) for index, word in enumerate(words)]
    redacted, _ = Redactor().redact(words)
    assert [replace(word, text="") for word in redacted] == [replace(word, text="") for word in words]
    assert redacted[:3] == tuple(words[:3])


def test_a_span_covers_the_whole_finding() -> None:
    words = words_of(f"my card is {CARD} okay")
    _, (span,) = Redactor().redact(words)
    assert span.span == Span(words[3].start, words[18].end)
    assert (span.speaker, span.kind) == ("speaker_1", "credit_card_number")


def test_sentence_marks_after_personal_data_are_kept() -> None:
    redacted, _ = Redactor().redact(words_of("Call 555-0142, or write to a@example.com."))
    assert text_of(redacted) == "Call [PHONE_NUMBER], or write to [EMAIL_ADDRESS]."


def test_words_of_the_other_speaker_do_not_break_a_number() -> None:
    number = words_of(f"it is {CARD}", "speaker_1")
    talk = words_of("mhm yes okay go on please i am listening one moment", "speaker_2", start=1.1)
    words = sorted([*number, *talk], key=lambda word: word.start)
    redacted, spans = Redactor().redact(words)
    assert text_of(redacted, "speaker_1") == "it is" + " [CREDIT_CARD_NUMBER]" * 16
    assert text_of(redacted, "speaker_2") == text_of(talk)
    assert len(spans) == 1


def test_words_need_not_come_in_order_of_time() -> None:
    words = words_of(f"it is {CARD}")
    redacted, _ = Redactor().redact(words[::-1])
    assert text_of(redacted) == text_of(Redactor().redact(words)[0])


@pytest.mark.parametrize(("pause", "spans"), [(15.0, 1), (25.0, 0)])
def test_only_a_long_pause_breaks_a_number(pause: float, spans: int) -> None:
    first = words_of("nine four one")
    second = words_of("two oh seven", start=first[-1].end + pause)
    assert len(kinds_of(first + second)) == spans


def test_what_one_asks_for_tells_what_the_other_says() -> None:
    words = dialogue(
        ("speaker_1", "and your date of birth"),
        ("speaker_2", "march third eighty four"),
        ("speaker_1", "and the last four of your social"),
        ("speaker_2", "six seven eight nine"),
        ("speaker_1", "thank you and your email"),
        ("speaker_2", "john dot smith at"),
        ("speaker_1", "mhm"),
        ("speaker_2", "gmail dot com"),
    )
    redacted, spans = Redactor().redact(words)
    assert text_of(redacted, "speaker_1") == text_of(words, "speaker_1")
    assert all(is_placeholder(word.text) for word in redacted if word.speaker == "speaker_2")
    assert [span.kind for span in spans] == ["date_of_birth", "us_social_security_number", "email_address"]


def test_a_number_that_the_other_repeats_is_taken_out_too() -> None:
    words = dialogue(
        ("speaker_1", "can i have the card number please"),
        ("speaker_2", "four two four two"),
        ("speaker_1", "four two four two"),
        ("speaker_2", "four two four two four two four two four two four two"),
        ("speaker_1", "great and the security code"),
        ("speaker_2", "uh one two three"),
        ("speaker_1", "one two three perfect that is two hundred dollars"),
    )
    redacted, _ = Redactor().redact(words)
    assert text_of(redacted, "speaker_1") == (
        "can i have the card number please" + " [CREDIT_CARD_NUMBER]" * 4 + " great and the security code"
        + " [CREDIT_CARD_CVV]" * 3 + " perfect that is two hundred dollars"
    )  # fmt: skip


def test_a_question_in_between_begins_a_new_number() -> None:
    words = dialogue(
        ("speaker_2", f"my card is {CARD}"), ("speaker_1", "the expiration date"), ("speaker_2", "twelve twenty eight")
    )
    assert kinds_of(words) == ["credit_card_number", "credit_card_expiration"]


def test_a_social_security_number_is_known_by_its_pauses() -> None:
    words: list[Word] = []
    for group in ("five three two", "one one", "four two nine oh"):
        words += words_of(group, start=words[-1].end + 0.9 if words else 0.0)
    assert kinds_of(words) == ["us_social_security_number"]


@pytest.mark.parametrize(
    "digits",
    ["four two four two four two four two four two four three four two four two", " ".join(["one"] * 13), CARD[:-4]],
)
def test_a_card_number_without_a_valid_checksum_is_taken_out_after_the_word_card(digits: str) -> None:
    assert kinds_of(words_of(f"my card number is {digits}")) == ["credit_card_number"]


def test_homophones_never_make_a_number_by_themselves() -> None:
    words = tuple(words_of("for to too won ate for to for to won to for for to ate to for"))
    assert Redactor().redact(words) == (words, ())


def test_a_homophone_at_the_edge_belongs_to_a_number_that_lacks_it() -> None:
    redacted, _ = Redactor().redact(
        words_of("my card number is for two four two four two four two four two four two four two four two")
    )
    assert text_of(redacted) == "my card number is" + " [CREDIT_CARD_NUMBER]" * 16


def test_redacting_again_changes_nothing() -> None:
    words = dialogue(
        ("speaker_1", f"card {CARD} expires twelve twenty eight cvv one two three born may fifth nineteen eighty four"),
        ("speaker_2", "john at example dot com and five five five one two one two extension four two"),
    )
    once, spans = Redactor().redact(words)
    assert spans
    assert Redactor().redact(once) == (once, ())


def test_what_a_service_took_out_stays_as_it_is() -> None:
    words = tuple(words_of("my name is [PERSON_NAME] [PERSON_NAME], and my number is [PHONE_NUMBER]."))
    assert Redactor().redact(words) == (words, ())


def test_only_the_requested_kinds_are_taken_out() -> None:
    redacted, spans = Redactor(["email_address"]).redact(words_of(f"{CARD} and a@example.com"))
    assert text_of(redacted) == f"{CARD} and [EMAIL_ADDRESS]"
    assert [span.kind for span in spans] == ["email_address"]


def test_the_fingerprint_tells_what_is_taken_out() -> None:
    everything, two = Redactor(), Redactor(["url", "email_address"])
    assert everything.fingerprint == "redact:1:all:no names"
    assert two.fingerprint == "redact:1:email_address,url:no names"
    assert Redactor(["email_address", "url"]).fingerprint == two.fingerprint


def test_an_unknown_kind_is_named_with_its_nearest() -> None:
    with pytest.raises(ValueError, match=r"'phone_numbers'.* credit_card_number.*did you mean 'phone_number'\?"):
        Redactor(["phone_numbers"])


def test_requesting_names_without_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="person_name needs a model of names"):
        Redactor(["person_name"])


def test_no_words_hold_nothing() -> None:
    assert Redactor().redact([]) == ((), ())


def test_time_grows_with_the_words_and_no_faster() -> None:
    minute = "so i said call me at five five five one two one two in twenty minutes and then we went to the shop again"

    def cpu_seconds(minutes: int) -> float:
        words = words_of(" ".join([minute] * minutes))
        started = time.process_time()
        _, spans = Redactor().redact(words)
        assert len(spans) == minutes
        return time.process_time() - started

    # The least of three: what other tests left in memory is collected now and then, and counts.
    long, short = (min(cpu_seconds(minutes) for _ in range(3)) for minutes in (1_600, 400))
    assert long < 8 * short


def test_every_kind_is_a_policy_of_the_service() -> None:
    policies = pytest.importorskip("assemblyai").PIIRedactionPolicy
    assert {kind.value for kind in DataKind} <= {policy.value for policy in policies}


@pytest.mark.parametrize("kind", list(DataKind))
def test_a_placeholder_is_known_as_one(kind: DataKind) -> None:
    assert is_placeholder(placeholder(kind, "5551212"))
    assert is_placeholder(placeholder(kind, "5551212?!"))
    assert kind.meaning.endswith(".")


@pytest.mark.parametrize("word", ["[", "[]", "[music", "[Phone]", "PHONE_NUMBER", "[PHONE_NUMBER]5", "[A B]"])
def test_other_words_in_brackets_are_no_placeholders(word: str) -> None:
    assert not is_placeholder(word)
