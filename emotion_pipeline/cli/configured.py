"""The engine's objects as the user's settings choose them. The engine is imported when one is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

from emotion_pipeline.config.settings import load_settings

if TYPE_CHECKING:
    from emotion_pipeline.engine.backends import BackendChoice, Backends
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
    from emotion_pipeline.engine.sources.router import Sources


def choice() -> "BackendChoice":
    """Return which back ends the settings choose."""
    from emotion_pipeline.config.engine_options import backend_choice

    return backend_choice(load_settings())


def backends() -> "Backends":
    """Return the back ends that the settings choose; nothing is loaded yet."""
    from emotion_pipeline.engine.backends import Backends

    return Backends(choice())


def sources() -> "Sources":
    """Return the sources of recordings, with the limits that the settings set."""
    from emotion_pipeline.config.engine_options import fetch_limits, snowflake_connection
    from emotion_pipeline.engine.sources.router import Sources

    settings = load_settings()
    return Sources(fetch_limits(settings.sources), snowflake_connection(settings.snowflake))


def predictor(model: Path | None) -> "EmotionPredictor":
    """Return the text emotion model in a folder, or the one that the settings choose."""
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

    return EmotionPredictor(model) if model else backends().emotion
