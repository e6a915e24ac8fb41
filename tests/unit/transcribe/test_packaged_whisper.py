"""Weights that come with packages are the ones that were pinned, or are refused."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError
from emotion_pipeline.engine.models.packaged_whisper import PACKAGED, PackagedModel, WeightPackage

PARTS = (b"first half, ", b"second half")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedModel:
    """A model of two installed packages."""
    site = tmp_path / "site"
    packages = []
    for number, content in enumerate(PARTS, start=1):
        folder = site / f"half_of_a_model_{number}" / "data"
        folder.mkdir(parents=True)
        (folder.parent / "__init__.py").touch()
        (folder / f"model.bin.part{number}").write_bytes(content)
        packages.append(WeightPackage(f"half-of-a-model-{number}", "1.0", f"half_of_a_model_{number}", "data"))
    (site / "half_of_a_model_1" / "data" / "tokenizer.json").write_text("{}")
    monkeypatch.syspath_prepend(str(site))
    return PackagedModel("halves", tuple(packages), sha256(b"".join(PARTS)).hexdigest(), install="halves")


def _part(model: PackagedModel, number: int) -> Path:
    folder = model.packages[number - 1].path()
    assert folder is not None
    return folder / f"model.bin.part{number}"


def test_the_plain_install_carries_tiny_en_whole() -> None:
    folder = PACKAGED["tiny.en"].fetch()
    assert {"model.bin", "config.json", "tokenizer.json"} <= {file.name for file in folder.iterdir()}


def test_parts_are_joined_once_into_the_cache(model: PackagedModel, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert model.found(cache) is None
    folder = model.fetch(cache)
    assert (folder / "model.bin").read_bytes() == b"".join(PARTS)
    assert (folder / "tokenizer.json").read_text() == "{}"
    joined = (folder / "model.bin").stat().st_mtime_ns
    assert model.fetch(cache) == model.found(cache) == folder
    assert (folder / "model.bin").stat().st_mtime_ns == joined
    assert [file.name for file in cache.iterdir()] == [folder.name]


def test_a_wrong_part_is_refused_and_leaves_nothing(model: PackagedModel, tmp_path: Path) -> None:
    _part(model, 2).write_bytes(b"second calf")
    with pytest.raises(ArtefactError, match=r"its SHA-256 is not .+; run: pip install --force-reinstall half"):
        model.fetch(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_truncated_part_is_refused_and_leaves_nothing(model: PackagedModel, tmp_path: Path) -> None:
    _part(model, 1).write_bytes(PARTS[0][:4])
    with pytest.raises(ArtefactError, match="is not Whisper halves"):
        model.fetch(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_part_is_named(model: PackagedModel, tmp_path: Path) -> None:
    _part(model, 2).unlink()
    with pytest.raises(ArtefactError, match=r"lacks .+model\.bin\.part2"):
        model.fetch(tmp_path / "cache")


def test_a_package_that_is_not_installed_is_named(model: PackagedModel, tmp_path: Path) -> None:
    absent = WeightPackage("not-here", "2.0", "not_here_at_all", "data")
    with pytest.raises(BackendUnavailableError, match=r"not-here==2\.0, which is not installed; run: pip install"):
        replace(model, packages=(*model.packages, absent)).fetch(tmp_path / "cache")


def test_a_joined_model_that_was_damaged_later_is_refused(model: PackagedModel, tmp_path: Path) -> None:
    folder = model.fetch(tmp_path / "cache")
    (folder / "model.bin").write_bytes(b"something else")
    with pytest.raises(ArtefactError, match="its SHA-256 is not"):
        model.fetch(tmp_path / "cache")
