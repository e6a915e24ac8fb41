"""Artefact folders: what is verified, and what a reader is told."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.emotion.model import SHIPPED, load_model
from emotion_pipeline.engine.models.artefact import read_artefact, write_artefact

CARD = {"backend": "test", "name": "numbers", "version": "1"}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    tensors = {"ones": np.ones((2, 3), np.float16), "hole": np.array([1, np.nan], np.float32)}
    write_artefact(tmp_path / "artefact", CARD, tensors, {"vocabulary": ["caf\u00e9", "a b"]})
    return tmp_path / "artefact"


def test_what_was_written_is_read_back(written: Path) -> None:
    artefact = read_artefact(written, "test")
    assert artefact.terms == {"vocabulary": ["caf\u00e9", "a b"]}
    assert artefact.tensor("ones").dtype == np.float32
    assert artefact.fingerprint.startswith("test:numbers:1:")


def test_an_array_that_is_missing_or_not_finite_is_named(written: Path) -> None:
    artefact = read_artefact(written, "test")
    with pytest.raises(ArtefactError, match="no array 'twos'"):
        artefact.tensor("twos")
    with pytest.raises(ArtefactError, match="'hole' holds values that are not finite"):
        artefact.tensor("hole")


def test_files_that_match_their_hash_but_are_no_weights_are_refused(written: Path) -> None:
    (written / "weights.safetensors").write_bytes(b"nothing of the kind")
    card = json.loads((written / "card.json").read_text())
    card["sha256"]["weights.safetensors"] = hashlib.sha256(b"nothing of the kind").hexdigest()
    (written / "card.json").write_text(json.dumps(card))
    with pytest.raises(ArtefactError, match="cannot be parsed"):
        read_artefact(written, "test")


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ArtefactError, match="notes exists"):
        write_artefact(tmp_path / "notes", CARD, {}, {})
    assert (tmp_path / "notes").read_text() == "mine"


def test_a_model_of_another_shape_or_with_other_features_is_refused(tmp_path: Path) -> None:
    shipped = read_artefact(SHIPPED, "encoder")
    tensors, terms = dict(shipped.tensors), dict(shipped.terms)
    write_artefact(tmp_path / "shape", shipped.card, tensors | {"platt": np.ones((3, 2), np.float32)}, terms)
    with pytest.raises(ArtefactError, match=r"'platt' has shape \(3, 2\), not \(28, 2\)"):
        load_model(tmp_path / "shape")
    write_artefact(tmp_path / "features", shipped.card, tensors, terms | {"features": ["length"]})
    with pytest.raises(ArtefactError, match="trained on other linguistic features"):
        load_model(tmp_path / "features")
