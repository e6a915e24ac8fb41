"""Servers of one database keep uploads in one folder, or do not start."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from emotion_pipeline.api.folders import Folders
from emotion_pipeline.api.jobs.database import migrate, open_database
from emotion_pipeline.api.jobs.servers import GONE_AFTER_S, Server
from emotion_pipeline.config.service_settings import Api, ApiSecrets
from emotion_pipeline.config.settings import ConfigurationError


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    secrets = ApiSecrets(database_url=SecretStr(f"sqlite:///{tmp_path}/shared.db"))
    engine = open_database(Api(folder=tmp_path / "mine"), secrets)
    migrate(engine, tmp_path / "mine")
    return engine


@pytest.fixture
def server(engine: sa.Engine, tmp_path: Path) -> Callable[[str], Server]:
    return lambda folder: Server(engine, tmp_path / folder)


def test_servers_with_one_folder_run_side_by_side(server: Callable[[str], Server], tmp_path: Path) -> None:
    (tmp_path / "same").symlink_to(tmp_path / "mine")
    server("mine").check_in()
    server("same").check_in()


def test_a_server_with_a_folder_of_its_own_is_refused(server: Callable[[str], Server]) -> None:
    first = server("mine")
    first.check_in()
    with pytest.raises(ConfigurationError, match="mount one shared folder"):
        server("other").check_in()
    first.check_in()


def test_a_server_that_ended_leaves_room_for_another_folder(server: Callable[[str], Server], engine: sa.Engine) -> None:
    first, killed = server("mine"), server("mine")
    first.check_in()
    first.check_out()
    killed.check_in()
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE servers SET seen_at = seen_at - {GONE_AFTER_S + 1}"))
    server("other").check_in()


def test_a_folder_keeps_its_identity(tmp_path: Path) -> None:
    assert Folders(tmp_path / "a").identity == Folders(tmp_path / "a").identity != Folders(tmp_path / "b").identity
