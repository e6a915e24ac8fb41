"""Which schema a deployment writes to, and how it logs in: nothing leads into production by default."""

import os
from pathlib import Path

import pytest
import yaml
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context

from emotion_pipeline.config.engine_options import snowflake_login
from emotion_pipeline.config.settings import ConfigurationError, Settings, Snowflake, load_settings
from emotion_pipeline.warehouse.snowflake.target import Target, target_of


@pytest.fixture(autouse=True)
def snowflake(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> pytest.MonkeyPatch:
    """An account and a database in the environment, and nothing else of Snowflake."""
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    for name in ("SCHEMA", "PASSWORD", "TOKEN", "AUTHENTICATOR", "PRIVATE_KEY_FILE", "PRIVATE_KEY_FILE_PWD", "ROLE"):
        monkeypatch.delenv(f"SNOWFLAKE_{name}", raising=False)
    for name, value in {"ACCOUNT": "org-acme", "USER": "ada", "DATABASE": "calls"}.items():
        monkeypatch.setenv(f"SNOWFLAKE_{name}", value)
    return monkeypatch


def _settings(**variables: str) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return load_settings()


def test_local_refuses_to_guess_a_schema() -> None:
    with pytest.raises(ConfigurationError, match="set SNOWFLAKE_SCHEMA"):
        target_of(_settings())


@pytest.mark.parametrize("name", ["EMOTION", "emotion", "marts_emotion"])
def test_local_refuses_the_production_schema_and_that_of_its_marts(name: str) -> None:
    with pytest.raises(
        ConfigurationError,
        match=f"{name.upper()}, which leads into the production schema EMOTION or its marts MARTS_EMOTION, to which",
    ):
        target_of(_settings(SNOWFLAKE_SCHEMA=name))


def test_local_refuses_a_schema_whose_marts_would_be_the_production_schema() -> None:
    with pytest.raises(ConfigurationError, match="SNOWFLAKE_SCHEMA is X, which leads into the production schema"):
        target_of(_settings(EMOTION_STORAGE__PRODUCTION_SCHEMA="marts_x", SNOWFLAKE_SCHEMA="x"))


@pytest.mark.parametrize(
    "variables",
    [
        {"EMOTION_DEPLOYMENT": "prod"},
        {"EMOTION_DEPLOYMENT": "branch", "EMOTION_BRANCH": "tone7"},
        {"SNOWFLAKE_SCHEMA": "emotion_ada"},
    ],
)
def test_every_deployment_has_its_marts_in_a_schema_of_their_own_beside_its_tables(variables: dict[str, str]) -> None:
    target = target_of(_settings(**variables))
    assert target.marts == f"MARTS_{target.schema}"


def test_local_writes_to_the_schema_that_is_named() -> None:
    assert target_of(_settings(SNOWFLAKE_SCHEMA="emotion_ada")) == Target("CALLS", "EMOTION_ADA", may_create=True)


def test_production_is_asked_for_by_name_and_is_never_created() -> None:
    assert target_of(_settings(EMOTION_DEPLOYMENT="prod")) == Target("CALLS", "EMOTION")
    with pytest.raises(ConfigurationError, match="SNOWFLAKE_SCHEMA is OTHER"):
        target_of(_settings(EMOTION_DEPLOYMENT="prod", SNOWFLAKE_SCHEMA="other"))


def test_a_branch_writes_to_a_clone_that_bears_its_name() -> None:
    target = target_of(_settings(EMOTION_DEPLOYMENT="branch", EMOTION_BRANCH="tone7"))
    assert target == Target("CALLS", "EMOTION_BRANCH_TONE7", cloned_from="EMOTION", may_create=True)
    with pytest.raises(ConfigurationError, match="set EMOTION_BRANCH"):
        target_of(_settings(EMOTION_DEPLOYMENT="branch"))


def test_branches_whose_names_read_alike_do_not_share_a_schema() -> None:
    names = ["feature/new-tone", "feature/new_tone", "feature_new_tone", "feature-new-tone", "new tone" * 60]
    schemas = {target_of(_settings(EMOTION_DEPLOYMENT="branch", EMOTION_BRANCH=name)).schema for name in names}
    assert len(schemas) == len(names)
    assert all(len(schema) <= 255 for schema in schemas)
    assert any(schema.startswith("EMOTION_BRANCH_FEATURE_NEW_TONE_") for schema in schemas)


def test_a_deployment_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"deployment.*'production'.*'local', 'branch' or 'prod'"):
        _settings(EMOTION_DEPLOYMENT="production")


@pytest.mark.parametrize("name", ['x"; DROP SCHEMA y', "a.b", "1st", "ä"])
def test_a_name_that_would_need_quotes_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="letters, digits and underscores only"):
        target_of(_settings(SNOWFLAKE_SCHEMA=name))


WAYS = {
    "key pair": ({"PRIVATE_KEY_FILE": "/keys/rsa.p8"}, {"private_key_file": Path("/keys/rsa.p8")}),
    "encrypted key pair": (
        {"PRIVATE_KEY_FILE": "/keys/rsa.p8", "PRIVATE_KEY_FILE_PWD": "s3cret"},
        {"private_key_file": Path("/keys/rsa.p8"), "private_key_file_pwd": "s3cret"},
    ),
    "password": ({"PASSWORD": "s3cret"}, {"password": "s3cret"}),
    "OAuth": ({"TOKEN": "t0ken"}, {"authenticator": "oauth"}),
    "browser": ({"AUTHENTICATOR": "externalbrowser"}, {"authenticator": "externalbrowser"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_dbt_logs_in_in_the_same_way(way: str, snowflake: pytest.MonkeyPatch, repository: Path) -> None:
    variables, arguments = WAYS[way]
    for name, value in {"SCHEMA": "ADA", **variables}.items():
        snowflake.setenv(f"SNOWFLAKE_{name}", value)
    set_invocation_context(os.environ)
    profiles = yaml.safe_load((repository / "dbt_project" / "profiles.yml").read_text(encoding="utf-8"))
    rendered = ProfileRenderer({}).render_data(profiles["emotion_marts"]["outputs"]["snowflake"])
    given = {name: value for name, value in rendered.items() if value is not None}
    names = {"private_key_file": "private_key_path", "private_key_file_pwd": "private_key_passphrase"}
    secret = {names.get(name, name): str(value) for name, value in arguments.items()}
    token = {"token": variables["TOKEN"]} if "TOKEN" in variables else {}
    assert given.items() >= (secret | token).items()
    ways = {"password", "token", "authenticator", "private_key_path", "private_key_passphrase"}
    assert ways & set(given) == set(secret | token)
    assert (given["schema"], given["database"], given.get("role")) == ("MARTS_ADA", "calls", None)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_log_in_is_passed_on(way: str, snowflake: pytest.MonkeyPatch) -> None:
    variables, arguments = WAYS[way]
    for name, value in variables.items():
        snowflake.setenv(f"SNOWFLAKE_{name}", value)
    login = snowflake_login(Snowflake())
    assert arguments.items() <= login.arguments().items()
    assert login.token == variables.get("TOKEN")
    assert "s3cret" not in repr(login) and "t0ken" not in repr(login)


def test_no_way_to_log_in_and_two_ways_are_refused(snowflake: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="no way to log in; set SNOWFLAKE_PRIVATE_KEY_FILE"):
        snowflake_login(Snowflake())
    snowflake.setenv("SNOWFLAKE_PASSWORD", "s3cret")
    snowflake.setenv("SNOWFLAKE_TOKEN", "t0ken")
    with pytest.raises(ConfigurationError, match="SNOWFLAKE_PASSWORD and SNOWFLAKE_TOKEN") as refused:
        snowflake_login(Snowflake())
    assert "s3cret" not in str(refused.value)
    snowflake.delenv("SNOWFLAKE_ACCOUNT")
    with pytest.raises(ConfigurationError, match="SNOWFLAKE_ACCOUNT"):
        snowflake_login(Snowflake())
