"""The three Whisper packages on the same real weights: the same words at the same times, with every way to decode.

faster-whisper follows one text here, as the others do, not two.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED
from emotion_pipeline.engine.transcribe.guard import decode_guarded
from emotion_pipeline.engine.transcribe.whisper.conversion import Format, convert
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper
from emotion_pipeline.engine.transcribe.whisper.openai import openai_whisper
from emotion_pipeline.engine.transcribe.whisper.recogniser import WhisperRecogniser
from emotion_pipeline.engine.transcribe.whisper.transformers import transformers_whisper

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "2026-11-03" / "happy_voice_message.mp3"
PACKAGES = ("faster", "openai", "transformers")
# The others take long; that they hear the same is tried always.
ONE_OR_EACH = [PACKAGES[0], *(pytest.param(name, marks=pytest.mark.full) for name in PACKAGES[1:])]


@pytest.fixture(scope="module")
def tiny() -> Path:
    return PACKAGED["tiny.en"].fetch()


@pytest.fixture(scope="module")
def recognisers(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, WhisperRecogniser]]:
    folder = tmp_path_factory.mktemp("converted")
    file = convert(tiny, folder / "tiny.en.pt", "openai-whisper")
    hub = convert(tiny, folder / "tiny.en", "transformers")
    yield {
        "faster": faster_whisper("tiny.en", "cpu", precision="float32", threads=1, beam_size=1),
        "openai": openai_whisper(str(file), "cpu"),
        "transformers": transformers_whisper(str(hub), "cpu", precision="float32"),
    }
    LOADED.clear()  # three copies of the weights


@pytest.fixture(scope="module")
def phrases() -> list[Channel]:
    """Two stretches of one sample, 4 s and 7 s long."""
    channel = decode(SAMPLE)[0]
    return [channel[:64_000], channel[160_000:272_000]]


def test_all_packages_hear_the_same_words_at_the_same_times(
    recognisers: dict[str, WhisperRecogniser], phrases: list[Channel]
) -> None:
    decodings = {name: recognisers[name].decode(phrases, "en", 0.0) for name in PACKAGES}
    reference = decodings["faster"]
    assert all(len(decoding.words) > 5 for decoding in reference)
    for name in PACKAGES[1:]:
        for decoding, expected in zip(decodings[name], reference, strict=True):
            assert decoding.text == expected.text
            assert decoding.average_log_probability == pytest.approx(expected.average_log_probability, abs=0.02)
            assert decoding.no_speech_probability == pytest.approx(expected.no_speech_probability, abs=0.02)
            for word, other in zip(decoding.words, expected.words, strict=True):
                assert abs(word.start - other.start) <= 0.1


@pytest.mark.parametrize("name", ONE_OR_EACH)
def test_batches_change_no_word(recognisers: dict[str, WhisperRecogniser], phrases: list[Channel], name: str) -> None:
    together = recognisers[name].decode(phrases, "en", 0.0)
    alone = [recognisers[name].decode([phrase], "en", 0.0)[0] for phrase in phrases]
    assert [decoding.text for decoding in together] == [decoding.text for decoding in alone]


@pytest.mark.parametrize("name", ONE_OR_EACH)
def test_a_draw_at_a_low_temperature_is_close_to_the_most_probable_text(
    recognisers: dict[str, WhisperRecogniser], phrases: list[Channel], name: str
) -> None:
    [probable] = recognisers[name].decode(phrases[:1], "en", 0.0)
    [drawn] = recognisers[name].decode(phrases[:1], "en", 0.2)
    assert probable.average_log_probability is not None and drawn.average_log_probability is not None
    shared = {word.text.lower() for word in probable.words} & {word.text.lower() for word in drawn.words}
    assert len(shared) >= len(probable.words) / 3
    assert drawn.average_log_probability <= probable.average_log_probability + 1e-3


@pytest.mark.parametrize("name", ONE_OR_EACH)
def test_the_guard_keeps_real_speech_and_drops_what_silence_invents(
    recognisers: dict[str, WhisperRecogniser], phrases: list[Channel], name: str
) -> None:
    silence = np.zeros(16 * 16_000, dtype=np.float32)
    [invented] = recognisers[name].decode([silence], "en", 0.0)
    assert invented.words, "a decoder that invents nothing would prove nothing here"
    *kept, dropped = decode_guarded(recognisers[name], [*phrases, silence], "en")
    assert [result.reason for result in kept] == [None, None]
    assert dropped.reason is not None


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_fewer_digits_hear_nearly_what_float32_hears(
    recognisers: dict[str, WhisperRecogniser], phrases: list[Channel], precision: str
) -> None:
    exact = recognisers["faster"].decode(phrases, "en", 0.0)
    rounded = faster_whisper("tiny.en", "cpu", precision=precision, threads=1, beam_size=1).decode(phrases, "en", 0.0)
    for decoding, expected in zip(rounded, exact, strict=True):
        words, expected_words = ({word.text for word in side.words} for side in (decoding, expected))
        assert len(words & expected_words) >= 0.7 * len(expected_words)


@pytest.mark.parametrize(
    ("package", "name", "message"),
    [("openai-whisper", "model.bin", r"does not end in \.pt"), ("transformers", "taken", "exists")],
)
def test_a_place_that_does_not_fit_is_refused(
    tiny: Path, tmp_path: Path, package: Format, name: str, message: str
) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ArtefactError, match=message):
        convert(tiny, tmp_path / name, package)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_folder_that_is_no_model_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtefactError, match=r"model\.bin is no whole Whisper model"):
        convert(tmp_path / "empty", tmp_path / "target.pt", "openai-whisper")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
