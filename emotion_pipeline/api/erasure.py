"""Erasing the jobs of recordings from the REST service's database and folders, without the service."""

from collections.abc import Collection

from emotion_pipeline.api.folders import Folders
from emotion_pipeline.api.jobs.database import migrate, open_database
from emotion_pipeline.api.jobs.store import JobStore
from emotion_pipeline.config.settings import Settings


def erase_jobs(
    settings: Settings, recording_ids: Collection[str], addresses: Collection[str], before: float, *, dry_run: bool
) -> int:
    """Erase the jobs of recordings with these ids or addresses, and those from before a time; return how many.

    :param before: seconds since 1970
    :raises BackendUnavailableError: the database of jobs cannot be reached
    """
    api = settings.api
    if settings.api_secrets.database_url is None and not (api.folder / "jobs.db").is_file():
        return 0
    engine = open_database(api, settings.api_secrets)
    try:
        migrate(engine, api.folder)
        store = JobStore(engine, api.jobs, api.webhooks)
        jobs = store.of_recordings(recording_ids, addresses, before)
        if not dry_run:
            store.erase(jobs)
            for job_id, upload in jobs.items():
                Folders(api.folder).remove_job(job_id, upload)
    finally:
        engine.dispose()
    return len(jobs)
