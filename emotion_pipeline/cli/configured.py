"""What the settings of whoever types a command ask for, as objects of the engine."""

from pathlib import Path
from typing import TYPE_CHECKING

from emotion_pipeline.config.engine_options import backend_choice, fetch_limits, snowflake_connection
from emotion_pipeline.config.settings import load_settings
from emotion_pipeline.engine.backends import BackendChoice, Backends
from emotion_pipeline.engine.sources.router import Sources

if TYPE_CHECKING:
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor


def choice() -> BackendChoice:
    """Return which back ends the settings choose."""
    return backend_choice(load_settings())


def backends() -> Backends:
    """Return the back ends that the settings choose; nothing is loaded yet."""
    return Backends(choice())


def sources() -> Sources:
    """Return where recordings may come from, within the limits that the settings give."""
    settings = load_settings()
    return Sources(fetch_limits(settings.sources), snowflake_connection(settings.snowflake))


def predictor(model: Path | None) -> "EmotionPredictor":
    """Return the text emotion model of a folder, or the one that the settings choose."""
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

    return EmotionPredictor(model) if model else backends().emotion
