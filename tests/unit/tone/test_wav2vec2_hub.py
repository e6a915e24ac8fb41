"""Checkpoints that come from a hub: what is fetched, what is kept, and what is said where it does not work."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.model_hub import COMMIT, Hub, serving
from support.tiny_wav2vec2 import checkpoint, config_of, weights_of, write

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import find_checkpoint


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving(tmp_path / "hub") as server:
        yield server


def test_the_files_of_a_revision_are_fetched_once(hub: Hub, tmp_path: Path) -> None:
    checkpoint(hub.folder)
    files = find_checkpoint("owner/voice", "v1", tmp_path / "cache", hub.url)
    assert (files.name, files.revision) == ("owner/voice", COMMIT[:12])
    assert files.sha256 == sha256_of(hub.folder / "model.safetensors")
    assert files.preprocessor is not None
    again = find_checkpoint("owner/voice", "v1", tmp_path / "cache", hub.url)
    assert again == files
    assert hub.asked.count("GET model.safetensors") == 1
    assert not any("pytorch_model.bin" in asked for asked in hub.asked)


def test_a_repository_with_a_pickle_only_and_no_preprocessor_is_taken(hub: Hub, tmp_path: Path) -> None:
    config = config_of()
    write(hub.folder, config, weights_of(config), pickled=True)
    (hub.folder / "preprocessor_config.json").unlink()
    files = find_checkpoint("owner/voice", cache=tmp_path / "cache", endpoint=hub.url)
    assert files.weights.name == "pytorch_model.bin"
    assert files.preprocessor is None


def test_a_repository_that_lacks_weights_or_does_not_exist_is_named(hub: Hub, tmp_path: Path) -> None:
    checkpoint(hub.folder)
    (hub.folder / "model.safetensors").unlink()
    for name in ("owner/voice", "owner/nobody"):
        with pytest.raises(
            BackendUnavailableError, match=rf"{name} could not be fetched.*set tone.model to that folder"
        ):
            find_checkpoint(name, cache=tmp_path / "cache", endpoint=hub.url)


def test_what_was_fetched_before_is_found_without_a_network(hub: Hub, tmp_path: Path) -> None:
    checkpoint(hub.folder)
    found = find_checkpoint("owner/voice", COMMIT, tmp_path / "cache", hub.url)
    asked = len(hub.asked)
    assert find_checkpoint("owner/voice", COMMIT, tmp_path / "cache", hub.url) == found
    assert len(hub.asked) == asked  # a commit never changes
