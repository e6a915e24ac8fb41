"""No words out of nothing: half an hour without a voice, and decoders that make text up whatever they hear."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from support.media import wav
from support.noises import NOISES, SECONDS, noise
from support.thorough import EVERY, THOROUGH
from support.tiny_whisper import Said, speaking_weights, write_faster, write_openai, write_transformers

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.base import DecodedWord, Decoding, GuardRules, Recogniser, SpokenLanguage
from emotion_pipeline.engine.transcribe.guard import decode_guarded, reason_to_drop
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper
from emotion_pipeline.engine.transcribe.whisper.openai import openai_whisper
from emotion_pipeline.engine.transcribe.whisper.transformers import transformers_whisper

SENTENCE = "this is the sound of a voice that was never there"
PARAGRAPH = (
    "and then we went down to the river where the old mill had stood before the war and my father said that nobody "
    "who had seen it in those days would know the place again because the wheel was gone and the roof had fallen in "
    "and where the miller used to sit of an evening there was only grass"
)
MOST_TOKENS = 224


class MakesUp:
    """A recogniser that says a text of its own whatever it hears, as fast as it likes and as sure as it likes."""

    fingerprint = "makes-up:1"
    rules = GuardRules()
    temperatures = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    longest_s = 30.0
    pad_s = 0.0

    def __init__(
        self, text: Callable[[float, float], str], log_probability: float = -0.05, no_speech: float = 0.01
    ) -> None:
        self._text = text
        """What it says at that temperature about an item of that many seconds."""
        self._log_probability = log_probability
        self._no_speech = no_speech
        self.asked = 0

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        return SpokenLanguage("en", 0.99 if items else 0.0)

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        self.asked += len(items)
        return [self._said(self._text(temperature, len(item) / SAMPLE_RATE), len(item)) for item in items]

    def _said(self, text: str, n_samples: int) -> Decoding:
        words = text.split()[:MOST_TOKENS]
        step = n_samples / SAMPLE_RATE / max(1, len(words))
        heard = tuple(DecodedWord(word, at * step, (at + 1) * step, 0.99) for at, word in enumerate(words))
        return Decoding(heard, self._log_probability, self._no_speech)


def again_and_again(text: str, times: int = 100) -> MakesUp:
    return MakesUp(lambda temperature, seconds: " ".join([text] * times))


def babble(count: int) -> str:
    """Pseudo-words that hardly repeat themselves."""
    letters = np.random.default_rng(count).choice(list("abcdefghijklmnoprstuvwy"), (count, 6))
    return " ".join("".join(word) for word in letters)


def rush(temperature: float, seconds: float) -> str:
    return babble(round(10 * seconds) + 6)


def turning_worse(temperature: float, seconds: float) -> str:
    """A loop at first, and at higher temperatures a hurried stammer."""
    return "thank you " * 50 if temperature < 0.5 else rush(temperature, seconds)


# Each with the reason for which it must be stopped.
INVENTORS = {
    "thanks for ever": (again_and_again("thank you"), DropReason.REPEATS_ITSELF),
    "thanks with stops": (again_and_again("Thank you."), DropReason.REPEATS_ITSELF),
    "one word": (again_and_again("you"), DropReason.REPEATS_ITSELF),
    "ten words of one": (again_and_again("you", 10), DropReason.REPEATS_ITSELF),
    "dots": (again_and_again("..."), DropReason.REPEATS_ITSELF),
    "notes": (again_and_again("♪"), DropReason.REPEATS_ITSELF),
    "words without spaces between": (again_and_again("ご視聴ありがとうございました"), DropReason.REPEATS_ITSELF),
    "a sentence five times": (again_and_again(SENTENCE, 5), DropReason.REPEATS_ITSELF),
    "a sentence in changing case": (again_and_again(f"{SENTENCE}. {SENTENCE.upper()}!", 3), DropReason.REPEATS_ITSELF),
    "a paragraph over and over": (again_and_again(PARAGRAPH, 4), DropReason.REPEATS_ITSELF),
    "a start, then a loop": (again_and_again(f"well now {'i know ' * 30}"), DropReason.REPEATS_ITSELF),
    "babble": (MakesUp(lambda *_: babble(8), -1.8), DropReason.IMPROBABLE),
    "babble of no known probability": (MakesUp(lambda *_: babble(8), float("nan")), DropReason.IMPROBABLE),
    "a rush of words": (MakesUp(rush), DropReason.TOO_FAST),
    "words it does not believe in": (MakesUp(lambda *_: "bye", -1.4, 0.9), DropReason.NO_SPEECH),
    "worse when asked again": (MakesUp(turning_worse), DropReason.TOO_FAST),
}


@pytest.fixture
def recording(tmp_path: Path) -> Callable[[Channel], Path]:
    def write(samples: Channel) -> Path:
        path = tmp_path / "recording.wav"
        path.write_bytes(wav(samples[np.newaxis]))
        return path

    return write


@pytest.fixture(scope="module")
def whispers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recogniser]:
    """Every Whisper back end around one model that says "thank you" for ever, and is sure of it."""
    folder = tmp_path_factory.mktemp("looping")
    weights = speaking_weights(Said([(" thank you", 0.5 * at) for at in range(10)], end_s=5.5))
    file, hub = write_openai(weights, folder / "loop.pt"), write_transformers(weights, folder / "hub")
    return {
        "openai-whisper": openai_whisper(str(file), "cpu"),
        "faster-whisper": faster_whisper(str(write_faster(hub, folder / "faster")), "cpu"),
        "transformers": transformers_whisper(str(hub), "cpu"),
    }


def test_the_suite_is_long_and_varied_enough() -> None:
    assert len(NOISES) >= 60
    assert len(NOISES) * SECONDS >= 20 * 60
    for name in list(NOISES)[::10]:
        once, again = noise(name), noise(name)
        assert once.samples.shape == (round(SECONDS * SAMPLE_RATE),)
        assert np.array_equal(once.samples, again.samples) and np.isfinite(once.samples).all()
        assert name == "digital silence" or once.samples.any()


@pytest.mark.parametrize("name", list(NOISES)[::EVERY])
def test_nothing_is_heard_where_nobody_speaks(
    name: str, recording: Callable[[Channel], Path], whispers: dict[str, Recogniser]
) -> None:
    path = recording(noise(name).samples)
    inventor = again_and_again("thank you")
    for recogniser in (faster_whisper(), inventor, *(whispers.values() if THOROUGH else ())):
        transcript = LocalTranscriber(recogniser).transcribe(path)
        assert (transcript.words, transcript.speech, transcript.passages) == ((), (), ())
    assert inventor.asked == 0


@pytest.fixture(scope="module")
def noises() -> list[Channel]:
    return [noise(name).samples for name in list(NOISES)[::12]]


@pytest.mark.parametrize("inventor", INVENTORS)
def test_made_up_text_is_stopped_without_voice_activity(inventor: str, noises: list[Channel]) -> None:
    recogniser, reason = INVENTORS[inventor]
    assert [item.reason for item in decode_guarded(recogniser, noises, "en")] == [reason] * len(noises)


@pytest.mark.parametrize("inventor", INVENTORS)
def test_made_up_text_over_speech_is_dropped_with_its_span_and_reason(inventor: str, repository: Path) -> None:
    recogniser, reason = INVENTORS[inventor]
    path = repository / "samples" / "2026-11-02" / "sad_voice_message.ogg"
    transcript = LocalTranscriber(recogniser).transcribe(path)
    assert (transcript.words, transcript.passages) == ((), ())
    assert {dropped.reason for dropped in transcript.dropped} == {reason}
    assert len(transcript.speech) > 0
    for spoken in transcript.speech:
        assert any(one.span.start <= spoken.start and spoken.end <= one.span.end for one in transcript.dropped)


@pytest.mark.parametrize("back_end", ["openai-whisper", "faster-whisper", "transformers"])
def test_a_whisper_that_loops_is_stopped(back_end: str, whispers: dict[str, Recogniser]) -> None:
    recogniser, items = whispers[back_end], [noise("a waltz").samples]
    [heard] = recogniser.decode(items, "en", 0.0)
    assert heard.text.startswith("thank you thank you thank you thank you thank you")
    assert reason_to_drop(heard, SECONDS, recogniser.rules) == DropReason.REPEATS_ITSELF
    assert [one.reason for one in decode_guarded(recogniser, items, "en")] == [DropReason.REPEATS_ITSELF]


def test_real_speech_keeps_its_words(repository: Path) -> None:
    path = repository / "samples" / "2026-11-02" / "sad_voice_message.ogg"
    transcript = LocalTranscriber(faster_whisper()).transcribe(path)
    assert len(transcript.words) > 20
    assert transcript.dropped == ()


def test_what_was_really_read_passes_every_check(shared_data: Path) -> None:
    with (shared_data / "speech" / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["file"].startswith("read/")]
    assert len(rows) >= 14
    for row in rows:
        heard = tuple(DecodedWord(word, 0.0, 0.1, 0.9) for word in row["reference"].split())
        seconds = decode(shared_data / "speech" / row["file"]).shape[1] / SAMPLE_RATE
        assert reason_to_drop(Decoding(heard, -0.4, 0.05), seconds, GuardRules()) is None
