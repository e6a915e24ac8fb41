"""Recognising languages: sentences of many languages, English as people type it, and what is too short to tell."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emotion_pipeline.engine.text.language import seems_english, seems_one_of

FOREIGN = {
    "de": ["Ich bin heute sehr enttäuscht von Ihrem Service.", "Das Paket ist immer noch nicht angekommen.",
           "Vielen Dank, das hat mir wirklich geholfen.", "warum muss ich so lange auf eine antwort warten"],
    "fr": ["Je suis vraiment content de votre aide.", "Le colis n'est toujours pas arrivé.",
           "Pourquoi dois-je attendre aussi longtemps ?", "merci beaucoup vous avez été très gentille"],
    "es": ["Estoy muy contento con el nuevo teléfono.", "El pedido todavía no ha llegado a mi casa.",
           "¿Por qué tengo que esperar tanto tiempo?", "muchas gracias por su ayuda de hoy"],
    "pt": ["Estou muito triste com o que aconteceu.", "A encomenda ainda não chegou à minha casa.",
           "Muito obrigada pela sua ajuda de hoje.", "por que preciso esperar tanto tempo"],
    "it": ["Sono molto felice di sentire la tua voce.", "Il pacco non è ancora arrivato a casa mia.",
           "Perché devo aspettare così a lungo?", "grazie mille siete stati gentilissimi"],
    "nl": ["Ik ben erg teleurgesteld over deze dienst.", "Het pakket is nog steeds niet aangekomen.",
           "Waarom moet ik zo lang op antwoord wachten?", "hartelijk bedankt voor uw hulp vandaag"],
    "sv": ["Jag är mycket besviken på er kundtjänst.", "Paketet har fortfarande inte kommit fram."],
    "pl": ["Jestem bardzo zadowolony z waszej pomocy.", "Dlaczego muszę tak długo czekać na odpowiedź?"],
    "tr": ["Bugün hizmetinizden çok memnun kaldım.", "Paket hâlâ evime ulaşmadı."],
    "id": ["Saya sangat senang dengan bantuan Anda.", "Kenapa saya harus menunggu selama ini?"],
    "ru": ["Я очень недоволен вашим обслуживанием.", "Посылка до сих пор не пришла ко мне домой."],
    "hi": ["मैं आपकी सेवा से बहुत खुश हूँ।", "मेरा पैकेट अभी तक घर नहीं पहुँचा है।"],
    "ja": ["とても嬉しいです、本当にありがとうございます。", "荷物がまだ届いていません。"],
    "zh": ["我对你们的服务非常失望。", "包裹还没有送到我家。"],
    "ar": ["أنا سعيد جدا بخدمتكم اليوم.", "لم يصل الطرد إلى منزلي حتى الآن."],
}  # fmt: skip
SENTENCES = [(language, text) for language, texts in FOREIGN.items() for text in texts]

ENGLISH = [
    "the meeting is at nine and i am late", "Gotta go fast! [NAME]", "paahahaha cry more sweetheart", "lol ok got ya",
    "No!!! I love emojis 😎😎😁😁😁😁💖🎉", "HAHAHAHA YELLOW FOR AZPI????", "Insane dva player nice",
    "um well i mean they told me so uh twice", "I want my money back, señor Müller.", "Sacramento fun as hell",
    "My order number is 4711-0815, the postcode is SW1A 1AA.", "daaaaaamn girl what a day", "oh la la",
    "No problem comrade",
]  # fmt: skip

READ_BY_CORTEX = frozenset({"en", "fr", "de", "hi", "it", "es", "pt"})


def test_sentences_in_other_languages_are_not_english() -> None:
    english = [text for _, text in SENTENCES if seems_english(text)]
    assert len(SENTENCES) >= 30
    assert len(english) <= 0.15 * len(SENTENCES), english


@pytest.mark.parametrize("text", ENGLISH)
def test_english_as_people_say_and_type_it_is_english(text: str) -> None:
    assert seems_english(text)


def test_at_most_ten_of_5426_english_comments_are_called_foreign(shared_data: Path) -> None:
    rows = (shared_data / "goemotions" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    foreign = [text for text in (row.split("\t")[0] for row in rows) if not seems_english(text)]
    assert len(rows) > 5_000
    assert len(foreign) <= 10, foreign


def test_a_sentence_seems_to_be_in_its_own_language() -> None:
    refused = [text for language, text in SENTENCES if not seems_one_of(text, frozenset({language, "en"}))]
    assert not refused


def test_only_languages_that_a_back_end_reads_are_accepted() -> None:
    unread = [text for language, text in SENTENCES if language not in READ_BY_CORTEX]
    accepted = [text for text in unread if seems_one_of(text, READ_BY_CORTEX)]
    assert len(accepted) <= 0.15 * len(unread), accepted
    assert all(seems_one_of(text, READ_BY_CORTEX) for language, text in SENTENCES if language in READ_BY_CORTEX)


@pytest.mark.parametrize("text", ["", "Gelukkig", "?!", "ja hoor", "😀 😀 😀 😀 😀", "1 2 3 4", "\ud800", "да"])
def test_what_is_too_short_to_tell_is_not_called_foreign(text: str) -> None:
    assert seems_english(text)


def test_a_language_that_is_not_recognised_is_not_accepted() -> None:
    assert not seems_one_of("Das Paket ist immer noch nicht angekommen.", frozenset({"tlh"}))


def test_threads_that_ask_together_get_the_same_answers() -> None:
    texts = [text for _, text in SENTENCES] * 4
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(seems_english, texts)) == [seems_english(text) for text in texts]
