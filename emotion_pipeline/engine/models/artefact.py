"""Model artefacts on disk: a folder of safe files, no pickle, and a card that says what they are and what they hash to.

An artefact is ``weights.safetensors`` (arrays), ``terms.json`` (named lists of strings, such as a vocabulary) and
``card.json`` (name, version, SHA-256 of each file, and whatever else its maker wrote).
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError
from emotion_pipeline.engine.common.hashing import hash_file

CARD: Final = "card.json"
WEIGHTS: Final = "weights.safetensors"
TERMS: Final = "terms.json"


@dataclass(frozen=True, slots=True)
class Artefact:
    """The verified content of one artefact folder."""

    folder: Path
    card: Mapping[str, Any]
    tensors: Mapping[str, NDArray[Any]]
    terms: Mapping[str, Sequence[str]]

    @property
    def fingerprint(self) -> str:
        """See ``fingerprint_of``."""
        return fingerprint_of(self.card)

    def tensor(self, name: str) -> NDArray[np.float32]:
        """One array as ``float32``; raises ``ArtefactError`` where it is missing or not finite."""
        if name not in self.tensors:
            raise ArtefactError(
                f"{self.folder / WEIGHTS} holds no array {name!r}: it belongs to another model version."
            )
        values = self.tensors[name].astype(np.float32)
        if not np.isfinite(values).all():
            raise ArtefactError(f"{self.folder / WEIGHTS}: the array {name!r} holds values that are not finite.")
        return values


def fingerprint_of(card: Mapping[str, Any]) -> str:
    """``backend:name:version:hash12``, the hash being that of the weights and terms together; needs the card only."""
    digest = hashlib.sha256("".join(str(card["sha256"].get(name)) for name in (TERMS, WEIGHTS)).encode()).hexdigest()
    return f"{card['backend']}:{card['name']}:{card['version']}:{digest[:12]}"


def write_artefact(
    folder: Path, card: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], terms: Mapping[str, Sequence[str]]
) -> None:
    """Write a whole artefact beside ``folder``, then put it in its place; ``card`` needs backend, name and version.

    A ``folder`` that exists and is not itself an artefact is left alone: raises ``ArtefactError``.
    """
    from safetensors.numpy import save

    check_output(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        fresh = Path(scratch) / "fresh"
        fresh.mkdir()
        (fresh / WEIGHTS).write_bytes(save({name: np.ascontiguousarray(array) for name, array in tensors.items()}))
        (fresh / TERMS).write_text(json.dumps(terms, ensure_ascii=True, separators=(",", ":")), encoding="ascii")
        hashes = {name: hash_file(fresh / name) for name in (TERMS, WEIGHTS)}
        text = json.dumps({**card, "sha256": hashes}, indent=2, ensure_ascii=False) + "\n"
        (fresh / CARD).write_text(text, encoding="utf-8")
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        fresh.rename(folder)


def check_output(folder: Path, mark: str = CARD) -> None:
    """Raise ``ArtefactError`` where ``folder`` is in use for something else than an artefact: a file, other files.

    mark: the file that identifies an earlier artefact, which may be replaced.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / mark).is_file()):
        raise ArtefactError(f"{folder} exists and holds no {mark}: name an empty or new folder for the artefact.")


def check_writable(folder: Path, mark: str = CARD) -> None:
    """As ``check_output``, and refuse a folder that cannot be written to before hours are spent, not after."""
    check_output(folder, mark)
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ArtefactError(f"{folder} cannot be made, since {above} is no folder to write in: name another.")


def read_artefact(folder: Path, backend: str) -> Artefact:
    """Read and verify the artefact in ``folder``; raises ``ArtefactError`` naming the file that is at fault."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    card = read_card(folder)
    if card["backend"] != backend:
        raise ArtefactError(
            f"{folder / CARD} describes a {card['backend']!r} artefact where a {backend!r} one is needed."
        )
    contents = {name: _verified(folder / name, str(card["sha256"].get(name))) for name in (TERMS, WEIGHTS)}
    try:
        return Artefact(folder, card, load(contents[WEIGHTS]), json.loads(contents[TERMS]))
    except (SafetensorError, ValueError) as error:
        raise ArtefactError(f"The artefact in {folder} cannot be parsed ({error}). {_REMEDY}") from error


_REMEDY: Final = "Reinstall the package, or make the artefact again with the command in its card."


def read_card(folder: Path) -> dict[str, Any]:
    """The card of the artefact in ``folder``, nothing else verified; raises ``ArtefactError`` where it is no card."""
    path = folder / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtefactError(f"The artefact's card {path} cannot be read ({error}). {_REMEDY}") from error
    except ValueError as error:
        raise ArtefactError(f"The artefact's card {path} is not JSON ({error}). {_REMEDY}") from error
    missing = {"backend", "name", "version", "sha256"} - set(card if isinstance(card, dict) else ())
    if missing or not isinstance(card["sha256"], dict):
        raise ArtefactError(f"The artefact's card {path} lacks {sorted(missing) or ['sha256']}. {_REMEDY}")
    return card


def _verified(path: Path, expected: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"The artefact's file {path} cannot be read ({error}). {_REMEDY}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise ArtefactError(f"{path} is damaged: its SHA-256 is not the one in {path.parent / CARD}. {_REMEDY}")
    return content
