"""The servers of one database, and that all of them keep uploads in the same folder.

A recording that one server received may be analysed by a worker of another one. So servers that run at the same time
need one shared ``api.folder``; each notes here which folder it has, and one with another folder does not start.
"""

import time
import uuid
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from emotion_pipeline.api.folders import Folders
from emotion_pipeline.api.jobs.database import exclusive
from emotion_pipeline.api.jobs.records import ServerRecord
from emotion_pipeline.config.settings import ConfigurationError

# A server that was not seen for so long has ended without a word.
GONE_AFTER_S: Final = 60.0


class Server:
    """One server process among those that share a database.

    :param root: ``api.folder``
    """

    def __init__(self, engine: Engine, root: Path) -> None:
        self._engine, self._root = engine, root
        self._id = uuid.uuid4().hex

    def check_in(self) -> None:
        """Note that this server runs; to be called again well within ``GONE_AFTER_S``.

        :raises ConfigurationError: another server that runs has another folder
        """
        folder, now = Folders(self._root).identity, time.time()
        with exclusive(self._engine, self._root) as connection, Session(connection) as session:
            session.execute(delete(ServerRecord).where(ServerRecord.seen_at < now - GONE_AFTER_S))
            others = select(ServerRecord.id).where(ServerRecord.folder != folder, ServerRecord.id != self._id)
            if session.scalar(others.limit(1)) is not None:
                raise ConfigurationError(
                    f"another server of this database keeps uploads in another folder than {self._root}; mount one "
                    "shared folder for all of them, set api.folder to it, and start again"
                )
            session.merge(ServerRecord(id=self._id, folder=folder, seen_at=now))
            session.flush()

    def check_out(self) -> None:
        """Note that this server has ended."""
        with Session(self._engine) as session, session.begin():
            session.execute(delete(ServerRecord).where(ServerRecord.id == self._id))
