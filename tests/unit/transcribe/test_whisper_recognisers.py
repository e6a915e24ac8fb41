"""What every package that runs Whisper has to do alike, on tiny models that go through the real loading code."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import torch
from support.tiny_whisper import TinyModel, TinyWhisper

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.base import Decoding, SpokenLanguage
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper
from emotion_pipeline.engine.transcribe.whisper.openai import openai_whisper
from emotion_pipeline.engine.transcribe.whisper.recogniser import WhisperRecogniser
from emotion_pipeline.engine.transcribe.whisper.transformers import transformers_whisper

Make = Callable[[TinyWhisper], WhisperRecogniser]

PACKAGES: dict[str, Make] = {
    "openai": lambda tiny: openai_whisper(str(tiny.openai), "cpu"),
    "transformers": lambda tiny: transformers_whisper(str(tiny.transformers), "cpu", precision="float32"),
    "faster": lambda tiny: faster_whisper(str(tiny.faster), "cpu", precision="float32", beam_size=1),
}


@pytest.fixture(params=PACKAGES)
def make(request: pytest.FixtureRequest) -> Make:
    return PACKAGES[request.param]


def noise(seconds: float, seed: int = 0) -> Channel:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    return (0.1 * (1 + seed) * samples).clip(-1, 1).astype(np.float32)


def check_words(decodings: Sequence[Decoding], items: Sequence[Channel]) -> None:
    for decoding, item in zip(decodings, items, strict=True):
        assert all(word.text == word.text.strip() != "" for word in decoding.words)
        assert all(0.0 <= word.probability <= 1.0 for word in decoding.words)
        assert all(0.0 <= word.start <= word.end <= len(item) / SAMPLE_RATE for word in decoding.words)
        assert all(before.end <= after.start for before, after in pairwise(decoding.words))


def test_what_is_said_comes_with_times_and_probabilities(make: Make, tiny_model: TinyModel) -> None:
    item = noise(10.0)
    [decoding] = make(tiny_model("speaking")).decode([item], "de", 0.0)
    check_words([decoding], [item])
    assert [word.text for word in decoding.words] == ["Hello,", "brave", "new", "world."]
    # A token ends halfway between the time at which the model looks for it and that of the next one.
    expected = [(0.0, 0.6), (1.1, 1.6), (1.6, 2.3), (2.3, 2.9)]
    found = [(word.start, word.end) for word in decoding.words]
    assert np.abs(np.array(found) - expected).max() < 0.25
    assert min(word.probability for word in decoding.words) > 0.99
    assert decoding.average_log_probability == pytest.approx(0.0, abs=0.01)
    assert decoding.no_speech_probability == pytest.approx(0.0, abs=0.01)


def test_words_stay_inside_an_item_that_is_shorter_than_the_text(make: Make, tiny_model: TinyModel) -> None:
    items = [noise(seconds) for seconds in (0.02, 0.03, 0.7777, 30.0)]
    decodings = make(tiny_model("speaking")).decode(items, "de", 0.0)
    check_words(decodings, items)
    assert {decoding.text for decoding in decodings} == {"Hello, brave new world."}


def test_too_little_audio_for_a_frame_has_no_words(make: Make, tiny_model: TinyModel) -> None:
    items = [noise(0.0), noise(2.0), noise(0.01)]
    recogniser = make(tiny_model("speaking"))
    nothing = Decoding((), None, None)
    first, second, third = recogniser.decode(items, "de", 0.0)
    assert (first, third) == (nothing, nothing)
    assert second.words
    assert recogniser.decode([noise(0.0)], "de", 0.4) == [nothing]
    assert recogniser.decode([], "de", 0.0) == []


def test_an_item_gets_its_own_text_whatever_it_is_decoded_with(make: Make, tiny_model: TinyModel) -> None:
    recogniser = make(tiny_model("listening"))
    items = [noise(1.0, 1), noise(4.0, 2), noise(2.0, 3), noise(1.0, 1)]
    for temperature in (0.0, 0.8):
        together = recogniser.decode(items, "en", temperature)
        check_words(together, items)
        assert [recogniser.decode([item], "en", temperature)[0] for item in items] == together
        assert together[0] == together[3]
        assert len({decoding.text for decoding in together}) == 3


def test_a_text_is_drawn_anew_at_each_temperature(make: Make, tiny_model: TinyModel) -> None:
    recogniser = make(tiny_model("listening"))
    item = noise(2.0, 5)
    texts = [recogniser.decode([item], "en", temperature)[0].text for temperature in (0.0, 0.6, 0.8, 1.0)]
    assert len(set(texts)) >= 3


def test_a_drawn_text_is_less_probable_than_the_most_probable_one(make: Make, tiny_model: TinyModel) -> None:
    recogniser = make(tiny_model("listening"))
    items = [noise(2.0, seed) for seed in range(3)]
    means = [
        np.mean([one.average_log_probability or 0.0 for one in recogniser.decode(items, "en", temperature)])
        for temperature in (0.0, 1.0)
    ]
    assert means[0] > means[1]


def test_the_random_state_of_torch_is_left_alone(make: Make, tiny_model: TinyModel) -> None:
    recogniser = make(tiny_model("listening"))
    before = torch.random.get_rng_state()
    recogniser.decode([noise(1.0)], "en", 1.0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_language_is_that_of_the_items(make: Make, tiny_model: TinyModel) -> None:
    found = make(tiny_model("speaking")).language_of([noise(1.0), noise(0.0)])
    assert found.code == "de"
    assert found.probability == pytest.approx(1.0, abs=0.01)


def test_longer_items_have_more_say_about_the_language(make: Make, tiny_model: TinyModel) -> None:
    recogniser = make(tiny_model("listening"))
    short, long = noise(0.5, 1), noise(25.0, 3)
    alone, both = recogniser.language_of([long]), recogniser.language_of([short, long])
    assert both.code == alone.code
    assert alone.probability is not None and both.probability is not None
    assert abs(both.probability - alone.probability) < 0.03


def test_a_model_for_english_knows_english(make: Make, tiny_model: TinyModel) -> None:
    recogniser = make(tiny_model("listening.en"))
    items = [noise(1.0, 1), noise(2.0, 2)]
    assert recogniser.language_of(items) == SpokenLanguage("en", None)
    decodings = recogniser.decode(items, "en", 0.0)
    check_words(decodings, items)
    assert all(decoding.words for decoding in decodings)
    with pytest.raises(BackendUnavailableError, match="knows English only, not 'de'"):
        recogniser.decode(items, "de", 0.0)


def test_a_language_that_does_not_exist_is_refused(make: Make, tiny_model: TinyModel) -> None:
    with pytest.raises(BackendUnavailableError, match=r"does not know the language 'english'; it knows en, zh, de"):
        make(tiny_model("speaking")).decode([noise(1.0)], "english", 0.0)


def test_a_model_says_how_sure_it_is_that_nobody_speaks(make: Make, tiny_model: TinyModel) -> None:
    [decoding] = make(tiny_model("silent")).decode([noise(1.0)], "en", 0.0)
    assert decoding.no_speech_probability == pytest.approx(1.0, abs=0.01)


def test_an_item_that_is_too_long_is_an_error(make: Make, tiny_model: TinyModel) -> None:
    with pytest.raises(ValueError, match=r"30\.01 s is longer than Whisper's 30\.0 s"):
        make(tiny_model("speaking")).decode([noise(30.01)], "en", 0.0)


def test_threads_get_what_one_would_get(make: Make, tiny_model: TinyModel) -> None:
    tiny = tiny_model("listening")
    items = [noise(1.0, seed) for seed in range(2)]
    alone = [make(tiny).decode([item], "en", 0.0) for item in items]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda item: make(tiny).decode([item], "en", 0.0), items)) == alone


@pytest.mark.parametrize("temperature", [0.0, 0.6])
def test_all_packages_hear_the_same(tiny_model: TinyModel, temperature: float) -> None:
    tiny = tiny_model("listening")
    items = [noise(seconds, seed) for seed, seconds in enumerate((0.3, 3.0, 12.0, 30.0))]
    reference, *others = (make(tiny).decode(items, "fr", temperature) for make in PACKAGES.values())
    assert all(len(decoding.words) > 2 for decoding in reference)
    for found in others:
        for one, expected in zip(found, reference, strict=True):
            assert one.text == expected.text
            assert one.average_log_probability == pytest.approx(expected.average_log_probability, abs=1e-3)
            assert one.no_speech_probability == pytest.approx(expected.no_speech_probability, abs=1e-3)
            times, known = ([(word.start, word.end) for word in words] for words in (one.words, expected.words))
            assert np.median(np.abs(np.array(times) - known)) <= 0.02
            assert [word.probability for word in one.words] == pytest.approx(
                [word.probability for word in expected.words], abs=2e-3
            )


def test_all_packages_hear_the_same_language(tiny_model: TinyModel) -> None:
    found = [make(tiny_model("listening")).language_of([noise(3.0, 1), noise(9.0, 2)]) for make in PACKAGES.values()]
    assert len({language.code for language in found}) == 1
    assert np.ptp([language.probability for language in found if language.probability]) < 1e-3


def test_the_fingerprint_follows_the_weights_and_the_package(make: Make, tiny_model: TinyModel) -> None:
    fingerprint = make(tiny_model("speaking")).fingerprint
    assert fingerprint == make(tiny_model("speaking")).fingerprint
    assert fingerprint != make(tiny_model("listening")).fingerprint
    backend, model, version, parameters = fingerprint.split(":")
    assert backend.endswith("whisper")
    assert "@" in model
    assert version[0].isdigit()
    assert parameters.split(",")[0] == "float32" and parameters.endswith(",pad=0.25")
