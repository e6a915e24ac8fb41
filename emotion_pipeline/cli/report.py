"""``emotion-clf report``: a day or a call as one HTML page to send to somebody, drawn as the dashboard draws it."""

import base64
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emotion_pipeline.cli.console import OUT
from emotion_pipeline.cli.output import check_text_output, write_text
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.engine.common.errors import BackendUnavailableError, EmotionPipelineError

if TYPE_CHECKING:
    from types import ModuleType

    from emotion_pipeline.report.page import Sound

app = typer.Typer()


class ReportError(EmotionPipelineError):
    """A page that cannot be made as asked; the message says why and what to do."""


@app.command()
def report(
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write, as in day.html.")],
    day: Annotated[str | None, typer.Option(help="A day, as in 2026-11-02.")] = None,
    call: Annotated[
        str | None, typer.Option(help="A call: its id, the beginning of one, its file, or day/file.")
    ] = None,
    with_audio: Annotated[
        bool, typer.Option("--with-audio", help="Put the sound of the call into the page; about 1 MB a minute.")
    ] = False,
) -> None:
    """Write how a day went, or one call with its transcript, as one HTML page that needs no network.

    It reads the marts. The page holds what people said, redacted as the marts hold it.

    Example: emotion-clf report --day 2026-11-02 --output day.html

    Example: emotion-clf report --call 2026-11-02/call.wav --with-audio --output call.html
    """
    if bool(day) == bool(call):
        raise typer.BadParameter("give --day or --call")
    if with_audio and not call:
        raise typer.BadParameter("--with-audio goes with --call")
    check_text_output(output)
    settings = load_settings()
    write_text(_call_page(settings, call, with_audio) if call else _day_page(settings, day or ""), output)
    OUT.print(f"{output} is written, {output.stat().st_size / 1e6:.1f} MB")


def _day_page(settings: Settings, day: str) -> str:
    try:
        parsed = date.fromisoformat(day)
    except ValueError as error:
        raise typer.BadParameter(f"{day} is no day; write it as 2026-11-02") from error
    return _page().day_page(settings.storage.marts, parsed)


def _call_page(settings: Settings, call: str, with_audio: bool) -> str:
    page = _page()
    from emotion_pipeline.report.queries import ask, find_call

    day, recording_id = find_call(settings.storage.marts, call)
    [audio_uri] = ask(settings.storage.marts, page.CALL, {"day": day, "recording_id": recording_id})["audio_uri"]
    return page.call_page(settings.storage.marts, day, recording_id, _sound(settings, call, audio_uri, with_audio))


def _page() -> "ModuleType":
    try:
        from emotion_pipeline.report import page
    except ModuleNotFoundError as error:
        raise BackendUnavailableError(
            f"a report needs {error.name}; run: pip install 'emotion-pipeline[dashboard]'"
        ) from error
    return page


def _sound(settings: Settings, call: str, audio_uri: str, with_audio: bool) -> "Sound":
    """Return the waveform of a call where its copy is there, and its sound where that is asked for."""
    from emotion_pipeline.engine.audio.decode import stream
    from emotion_pipeline.engine.audio.envelope import envelope_of
    from emotion_pipeline.report.page import Sound
    from emotion_pipeline.warehouse.files import Files

    files = Files(settings.storage.root)
    there = files.has_audio(audio_uri)
    if with_audio and not settings.dashboard.audio:
        raise ReportError(f"{call}: the settings keep the sound of calls; set dashboard.audio, or omit --with-audio")
    if with_audio and not there:
        raise ReportError(f"{call}: its sound is not in {settings.storage.root}, or was erased; omit --with-audio")
    if not there:
        return Sound()
    with files.audio_file(audio_uri) as path:
        sound = f"data:audio/flac;base64,{base64.b64encode(path.read_bytes()).decode()}" if with_audio else None
        return Sound(envelope_of(stream(path)), sound)
