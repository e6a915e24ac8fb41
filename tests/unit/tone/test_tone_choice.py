"""Which tone model the settings choose, with which weights, and what is said where these are not there."""

from pathlib import Path

import numpy as np
import pytest
from support.tiny_wav2vec2 import checkpoint

from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.settings import ConfigurationError, load_settings
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError, UnknownBackendError
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.tone.acoustic.model import SHIPPED


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and caches of whoever runs the tests decide nothing here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_COMPUTE__DEVICE", "cpu")
    monkeypatch.setenv("EMOTION_TONE__DOWNLOAD_ROOT", str(tmp_path / "cache"))


@pytest.fixture
def wav2vec2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that the settings choose."""
    folder = checkpoint(tmp_path / "voice")
    monkeypatch.setenv("EMOTION_TONE__BACKEND", "wav2vec2")
    monkeypatch.setenv("EMOTION_TONE__MODEL", str(folder))
    return folder


def _backends() -> Backends:
    return Backends(backend_choice(load_settings()))


def _sound() -> Channel:
    time = np.arange(16_000) / 16_000
    return (0.3 * np.sin(2 * np.pi * 200 * time * (1 + time))).astype(np.float32)


def test_a_folder_is_read_and_its_weights_are_loaded_once_for_all_who_use_them(
    wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LOADED.clear()
    first, second = _backends().tone, _backends().tone
    assert first.fingerprint.startswith("wav2vec2:voice:local,")
    assert LOADED.keys() == ()
    assert first.score([_sound()]) == second.score([_sound()])
    assert LOADED.keys() == ((first.fingerprint, "cpu"),)


def test_another_precision_is_another_model(wav2vec2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LOADED.clear()
    for precision in ("float32", "bfloat16"):
        monkeypatch.setenv("EMOTION_COMPUTE__PRECISION", precision)
        model = _backends().tone
        model.score([_sound()])
        assert f",{precision}," in model.fingerprint
        assert (model.fingerprint, "cpu") in LOADED.keys()  # noqa: SIM118 - it is no mapping
    assert len(LOADED.keys()) == 2


def test_weights_that_are_replaced_are_another_model(wav2vec2: Path) -> None:
    LOADED.clear()
    before = _backends().tone.score([_sound()])
    checkpoint(wav2vec2, hidden_size=16)
    assert _backends().tone.score([_sound()]) != before
    assert len(LOADED.keys()) == 2


def test_weights_with_another_hash_than_the_settings_want_are_refused(
    wav2vec2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_TONE__SHA256", sha256_of(wav2vec2 / "model.safetensors"))
    assert _backends().tone.labels
    monkeypatch.setenv("EMOTION_TONE__SHA256", "0" * 64)
    with pytest.raises(ArtefactError, match=f"not {'0' * 64}"):
        _ = _backends().tone


def test_a_hash_that_is_none_is_an_error_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_TONE__SHA256", "abc")
    with pytest.raises(ConfigurationError, match=r"tone\.sha256.*abc"):
        load_settings()


def test_the_shipped_model_is_held_to_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_TONE__SHA256", sha256_of(SHIPPED / "weights.safetensors"))
    assert _backends().tone.fingerprint.startswith("acoustic:")
    monkeypatch.setenv("EMOTION_TONE__SHA256", "0" * 64)
    with pytest.raises(ArtefactError, match=r"weights\.safetensors has the SHA-256"):
        _ = _backends().tone


def test_a_folder_has_no_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_TONE__REVISION", "v1")
    with pytest.raises(BackendUnavailableError, match=r"no revision 'v1': unset tone\.revision"):
        _ = _backends().tone


@pytest.mark.parametrize("model", ["./nowhere", "/nowhere/at/all", "nowhere"])
def test_a_checkpoint_that_is_not_there_says_what_to_set(
    wav2vec2: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_TONE__MODEL", model)
    with pytest.raises(BackendUnavailableError, match=rf"no folder {model}.*set tone\.model to a folder"):
        _ = _backends().tone


def test_the_standard_profile_without_weights_says_how_to_get_them_and_takes_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMOTION_PROFILE", "standard")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    expected = r"ehcalabres/wav2vec2\S+ could not be fetched.*https://huggingface\.co/ehcalabres.*tone\.model"
    with pytest.raises(BackendUnavailableError, match=expected):
        _ = _backends().tone


def test_a_back_end_that_does_not_exist_is_named_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_TONE__BACKEND", "wav2vec")
    with pytest.raises(UnknownBackendError, match=r"'wav2vec'.*acoustic, wav2vec2.*did you mean 'wav2vec2'"):
        _ = _backends().tone
