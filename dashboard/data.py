"""What pages show: answers of the marts, kept until the marts are built anew, and the sound of calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime import get_instance

from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.envelope import Envelope, envelope_of
from emotion_pipeline.report.charts import specification
from emotion_pipeline.report.overview import Overview, beside_the_one_before, overview_charts
from emotion_pipeline.report.queries import Filters, ask, build_of
from emotion_pipeline.warehouse.files import Files


@st.cache_resource
def settings() -> Settings:
    """Return the settings, read once."""
    return load_settings()


def rows(sql: str, **parameters: Any) -> pd.DataFrame:
    """Return the answer of the marts as they are now; raises MartsError where there are none."""
    marts = settings().storage.marts
    return _kept(str(marts), build_of(marts), sql, parameters)


@st.cache_data(max_entries=256, show_spinner=False)
def _kept(marts: str, build: str, sql: str, parameters: Mapping[str, Any]) -> pd.DataFrame:
    return ask(Path(marts), sql, parameters)


@dataclass(frozen=True, slots=True)
class Period:
    """What is shown of a period: its numbers, those of the one before where there is one, and its charts."""

    now: Overview
    before: Overview | None
    charts: list[dict[str, Any]]


def period(chosen: Filters) -> Period:
    """Return a period of the marts as they are now; raises MartsError where there are none."""
    marts = settings().storage.marts
    return _kept_period(str(marts), build_of(marts), chosen)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={Filters: repr})
def _kept_period(marts: str, build: str, chosen: Filters) -> Period:
    now, before = beside_the_one_before(Path(marts), chosen)
    return Period(now, before, [specification(chart) for chart in overview_charts(now, before)])


@st.cache_data(max_entries=64, show_spinner="drawing the waveform")
def waveform(audio_uri: str) -> Envelope | None:
    """Return the envelope of a stored copy; None where it has been erased."""
    files = Files(settings().storage.root)
    if not files.has_audio(audio_uri):
        return None
    with files.audio_file(audio_uri) as path:
        return envelope_of(stream(path))


def sound_address(audio_uri: str) -> str | None:
    """Return where the browser finds the sound of a call; None where it has been erased, or is not to be heard."""
    files = Files(settings().storage.root)
    if not (settings().dashboard.audio and files.has_audio(audio_uri)):
        return None
    with files.audio_file(audio_uri) as path:
        return get_instance().media_file_mgr.add(path.read_bytes(), "audio/flac", audio_uri)


def day_of(value: Any) -> date:
    """Return a day of the marts as Python's own."""
    return pd.Timestamp(value).date()
