"""Starting the server: settings checked, the database brought up to date, uvicorn configured and run."""

import os
import tempfile
from typing import Any, Final

from emotion_pipeline.config.settings import PREFIX, Settings, load_settings
from emotion_pipeline.engine.common.errors import BackendUnavailableError

# How long uvicorn waits for connections after the drain.
_CLOSE_S: Final = 2


def run(host: str | None, port: int | None) -> None:
    """Serve until a signal to stop.

    :param host: overrides ``api.host``; so does ``port``
    :raises EmotionPipelineError: these settings cannot be served, or the extra ``api`` is not installed
    """
    # Processes of uvicorn and of jobs read their settings from the environment, as this one does.
    for name, value in (("HOST", host), ("PORT", port)):
        if value is not None:
            os.environ[f"{PREFIX}API__{name}"] = str(value)
    settings = load_settings()
    try:
        import uvicorn

        from emotion_pipeline.api.jobs.database import migrate, open_database
        from emotion_pipeline.api.logs import set_up_logs
        from emotion_pipeline.api.service import check_setup
    except ImportError as error:
        raise missing_extra(error) from error
    set_up_logs(settings.log_level)
    check_setup(settings)
    migrate(open_database(settings.api, settings.api_secrets), settings.api.folder)
    with tempfile.TemporaryDirectory(prefix="emotion-metrics-") as shared:
        if settings.api.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
        uvicorn.run("emotion_pipeline.api.app:create_app", **_options(settings))


def missing_extra(error: ImportError) -> BackendUnavailableError:
    """Return the error for an installation without the extra ``api``."""
    return BackendUnavailableError(f"the REST service needs {error.name}; run: pip install 'emotion-pipeline[api]'")


def _options(settings: Settings) -> dict[str, Any]:
    api = settings.api
    return {
        "factory": True,
        "host": api.host,
        "port": api.port,
        "workers": api.workers,
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,  # a client could write any address there, and limits count by address
        "server_header": False,
        "timeout_graceful_shutdown": _CLOSE_S,
        "h11_max_incomplete_event_size": 64 * 1024,
    }
