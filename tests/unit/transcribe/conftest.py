"""Tiny Whisper models for the tests of everything that runs Whisper, built once per process."""

from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.tiny_whisper import TinyModel, TinyWhisper


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> "TinyModel":
    """Models by name: ``listening``, the same as ``listening.en``, ``speaking`` German, ``silent``."""
    # Here and not above: the other tests of this folder need no torch.
    from support.tiny_whisper import ENGLISH, Said, TinyWhisper, random_weights, speaking_weights

    phrase = [(" Hello", 0.2), (",", 1.0), (" brave", 1.2), (" new", 2.0), (" world", 2.6), (".", 3.2)]
    weights = {
        "listening": random_weights,
        "listening.en": lambda: random_weights(ENGLISH),
        "speaking": lambda: speaking_weights(Said(phrase, 3.6, language="de")),
        "silent": lambda: speaking_weights(Said(phrase, 3.6, no_speech=True)),
    }

    @cache
    def build(name: str) -> "TinyWhisper":
        return TinyWhisper(tmp_path_factory.mktemp(name), weights[name]())

    return build
