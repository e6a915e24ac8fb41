"""``emotion-clf serve`` and ``emotion-clf token``: the service on the command line.

FastAPI and uvicorn are imported when a command runs, so that the command line starts fast and without the extra.
"""

import base64
import os
import re
import secrets
import tempfile
from datetime import timedelta
from typing import Annotated, Final

import typer

from emotion_pipeline.config.service_settings import WEBHOOK_SECRET_PREFIX
from emotion_pipeline.config.settings import PREFIX, load_settings
from emotion_pipeline.engine.common.errors import BackendUnavailableError

serve_app = typer.Typer(invoke_without_command=True)
token_app = typer.Typer(
    help="Tokens and secrets for the REST service.\n\nExample: emotion-clf token create --subject alice",
    no_args_is_help=True,
)

# How long uvicorn waits for connections to close after the drain.
_CLOSE_S: Final = 2

# Random bytes of a new webhook key, as many as the output of SHA-256.
_WEBHOOK_KEY_BYTES: Final = 32

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@serve_app.callback()
def serve(
    host: Annotated[str | None, typer.Option(help="Overrides api.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Overrides api.port; 0 takes a free one.")] = None,
) -> None:
    """Serve the engine over HTTP until a signal to stop.

    Example: EMOTION_API__DEVELOPMENT=true emotion-clf serve
    """
    # Server and worker processes read their settings from the environment, as this one does.
    for name, value in (("HOST", host), ("PORT", port)):
        if value is not None:
            os.environ[f"{PREFIX}API__{name}"] = str(value)
    settings = load_settings()
    try:
        import uvicorn

        from emotion_pipeline.api.jobs.database import migrate, open_database
        from emotion_pipeline.api.jobs.servers import Server
        from emotion_pipeline.api.logs import set_up_logs
        from emotion_pipeline.api.service import check_setup
    except ImportError as error:
        raise _missing_extra(error) from error
    api = settings.api
    set_up_logs(settings.log_level)
    check_setup(settings)
    engine = open_database(api, settings.api_secrets)
    migrate(engine, api.folder)
    server = Server(engine, api.folder)  # before anything starts, so that a refusal is one line
    server.check_in()
    server.check_out()
    engine.dispose()
    with tempfile.TemporaryDirectory(prefix="emotion-metrics-") as shared:
        if api.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
        uvicorn.run(
            "emotion_pipeline.api.app:create_app",
            factory=True,
            host=api.host,
            port=api.port,
            workers=api.workers,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # clients could write any address there, and limits count by address
            server_header=False,
            timeout_graceful_shutdown=_CLOSE_S,
            h11_max_incomplete_event_size=64 * 1024,
        )


@token_app.command("create")
def create(
    subject: Annotated[str, typer.Option(help="Whom the token stands for: jobs and limits are the subject's.")],
    scope: Annotated[list[str] | None, typer.Option(help="predict, jobs, metrics; may be given several times.")] = None,
    expires: Annotated[str, typer.Option(help="Lifetime: 15m, 12h, 30d.")] = "30d",
) -> None:
    """Print a token signed with EMOTION_JWT_SECRET.

    Example: emotion-clf token create --subject alice --scope predict --scope jobs --expires 12h
    """
    try:
        from emotion_pipeline.api.tokens import SCOPES, make_token
    except ImportError as error:
        raise _missing_extra(error) from error
    scopes = scope or ["predict", "jobs"]
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise typer.BadParameter(f"there is no scope {', '.join(unknown)}; use {', '.join(SCOPES)}")
    if not subject.strip() or not subject.isprintable():
        raise typer.BadParameter("the subject must have visible characters only")
    settings = load_settings()
    typer.echo(make_token(settings.api, settings.api_secrets, subject, scopes, lifetime(expires)))


@token_app.command("webhook-secret")
def create_webhook_secret() -> None:
    """Print a new random EMOTION_WEBHOOK_SECRET; receivers verify webhooks with the same one.

    Example: emotion-clf token webhook-secret
    """
    typer.echo(WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_WEBHOOK_KEY_BYTES)).decode())


def lifetime(text: str) -> timedelta:
    """Return the time span that ``15m``, ``12h`` or ``30d`` means. Raises BadParameter for anything else."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a lifetime; write a number and s, m, h or d, as in 12h")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _missing_extra(error: ImportError) -> BackendUnavailableError:
    return BackendUnavailableError(f"the REST service needs {error.name}; run: pip install 'emotion-pipeline[api]'")
