"""The resource for users' assets logs in to Snowflake in every way that the settings allow."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.warehouse_server import WarehouseServer

from emotion_pipeline.engine.snowflake.connection import Login
from emotion_pipeline.resources.snowflake import snowflake_resource


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "rsa.p8"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"s3cret"),
        )
    )
    return file


def test_a_query_runs_under_a_key_pair(key_file: Path) -> None:
    with WarehouseServer() as server:
        login = Login(
            "test",
            "ada",
            private_key_file=key_file,
            private_key_file_pwd="s3cret",
            host="127.0.0.1",
            port=server.port,
            protocol="http",
        )
        with snowflake_resource(login).get_connection() as connection, connection.cursor() as cursor:
            cursor.execute("select 1")
            assert cursor.fetchall() == [(1,)]


def test_a_session_is_in_utc_and_names_the_pipeline() -> None:
    arguments = snowflake_resource(Login("test", "ada", password="l0velace", schema="ADA"))._connection_args
    assert arguments["session_parameters"]["TIMEZONE"] == "UTC"
    assert arguments["session_parameters"]["QUERY_TAG"] == "emotion-pipeline"
    assert arguments["schema"] == "ADA"


def test_a_token_needs_no_user() -> None:
    arguments = snowflake_resource(Login("test", token="t0ken", authenticator="oauth"))._connection_args
    assert (arguments["token"], arguments["authenticator"]) == ("t0ken", "oauth")
