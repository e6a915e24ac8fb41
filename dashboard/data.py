"""What pages show: answers of the marts, kept until the marts are built anew, and the sound of calls."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import streamlit as st
from streamlit.runtime import get_instance

from emotion_pipeline.config.engine_options import has_login
from emotion_pipeline.config.settings import ConfigurationError, Settings, load_settings
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.envelope import Envelope, envelope_of
from emotion_pipeline.report.charts import specification
from emotion_pipeline.report.overview import Overview, beside_the_one_before, overview_charts
from emotion_pipeline.report.queries import Filters, ask, build_of
from emotion_pipeline.warehouse.choice import warehouse_of
from emotion_pipeline.warehouse.files import Files

if TYPE_CHECKING:
    from emotion_pipeline.warehouse.base import Warehouse
    from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse


@st.cache_resource
def settings() -> Settings:
    """Return the settings, read once."""
    return load_settings()


def warehouse() -> "Warehouse":
    """Return where the tables lie, and reviews go.

    Where no login is set the dashboard takes Streamlit's connection ``snowflake``: inside Snowflake that is the app's.
    """
    chosen = settings()
    if chosen.storage.backend == "lake" or has_login(chosen.snowflake):
        return warehouse_of(chosen)
    from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse

    connection = st.connection("snowflake").raw_connection
    database = chosen.snowflake.database or connection.database
    if database is None:
        raise ConfigurationError("the connection is in no database; set SNOWFLAKE_DATABASE")
    return SnowflakeWarehouse(database, chosen.storage.production_schema, connect=lambda: nullcontext(connection))


def marts() -> Path:
    """Return the DuckDB file of the marts: a copy of those in Snowflake, made anew within a minute of a change."""
    if settings().storage.backend == "lake":
        return settings().storage.marts
    return _copied(_state_in_snowflake())


@st.cache_data(ttl=60, show_spinner=False)
def _state_in_snowflake() -> str:
    from emotion_pipeline.warehouse.snowflake.marts_copy import state_of

    return state_of(cast("SnowflakeWarehouse", warehouse()))


@st.cache_resource(max_entries=1, show_spinner="copying the marts")
def _copied(state: str) -> Path:
    from emotion_pipeline.warehouse.snowflake.marts_copy import copy_marts

    copy = Path(_folder().name) / "marts.duckdb"
    copy_marts(cast("SnowflakeWarehouse", warehouse()), copy)
    return copy


@st.cache_resource
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="marts-")


def rows(sql: str, **parameters: Any) -> pd.DataFrame:
    """Return the answer of the marts as they are now; raises MartsError where there are none."""
    place = marts()
    return _kept(str(place), build_of(place), sql, parameters)


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
    place = marts()
    return _kept_period(str(place), build_of(place), chosen)


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
