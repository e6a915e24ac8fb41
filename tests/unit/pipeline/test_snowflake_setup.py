"""The scripts that set Snowflake up can be run again, give nobody more than is needed, and are SQL."""

import logging
import re
from pathlib import Path

import pytest
import sqlglot
import yaml
from sqlglot import exp

from emotion_pipeline.engine.stages.tables import TABLES
from emotion_pipeline.warehouse.snowflake.statements import PUBLISHED

SCRIPTS = ("setup.sql", "open_tables.sql", "open_marts.sql", "dashboard.sql")
VARIABLES = {
    "database": "CALLS",
    "schema": "PROD",
    "warehouse": "CALLS_WH",
    "credits": "20",
    "pool": "CALLS_GPU",
    "dashboard_pool": "CALLS_DASHBOARD",
}
# Statements of Snowflake that sqlglot takes for text, and only these may be.
UNKNOWN_TO_SQLGLOT = (
    r"CREATE ROLE IF NOT EXISTS",
    r"GRANT ROLE",
    r"GRANT DATABASE ROLE SNOWFLAKE\.CORTEX_USER",
    r"CREATE RESOURCE MONITOR IF NOT EXISTS",
    r"ALTER WAREHOUSE \w+ SET RESOURCE_MONITOR",
    r"CREATE COMPUTE POOL IF NOT EXISTS",
    r"GRANT USAGE, MONITOR ON COMPUTE POOL",
    r"CREATE SCHEMA IF NOT EXISTS \S+ WITH MANAGED ACCESS",
    r"CREATE IMAGE REPOSITORY IF NOT EXISTS",
    r"GRANT READ ON IMAGE REPOSITORY",
    r"CREATE OR REPLACE NETWORK RULE",
    r"CREATE OR REPLACE EXTERNAL ACCESS INTEGRATION",
    r"CREATE MASKING POLICY IF NOT EXISTS",
    r"ALTER TAG \S+\s+SET MASKING POLICY",
    r"ALTER TABLE \S+\s+MODIFY COLUMN \w+ SET TAG",
)
# Their syntax knows only OR REPLACE, which does as well: nothing is kept in them.
WITHOUT_IF_NOT_EXISTS = ("NETWORK RULE", "EXTERNAL ACCESS INTEGRATION")


def _text(repository: Path, script: str) -> str:
    """Return a script without comments, its variables filled in."""
    text = (repository / "deploy" / "snowflake" / script).read_text(encoding="utf-8")
    text = re.sub(r"^--.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"&\{(\w+)\}", lambda match: VARIABLES[match[1]], text)


def _statements(repository: Path) -> list[str]:
    texts = [_text(repository, script) for script in SCRIPTS]
    return [statement.strip() for text in texts for statement in text.split(";\n") if statement.strip()]


@pytest.fixture
def statements(repository: Path) -> list[str]:
    return _statements(repository)


def test_every_statement_is_sql_or_on_the_list_of_what_sqlglot_does_not_know(
    statements: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="sqlglot")
    used = set()
    for statement in statements:
        parsed = sqlglot.parse_one(statement, read="snowflake", error_level=sqlglot.ErrorLevel.IMMEDIATE)
        if isinstance(parsed, exp.Command):
            fitting = [form for form in UNKNOWN_TO_SQLGLOT if re.match(form, statement)]
            assert fitting, f"sqlglot cannot parse: {statement}"
            used.update(fitting)
    assert used == set(UNKNOWN_TO_SQLGLOT), "what sqlglot has learned meanwhile is to be parsed"


def test_whatever_is_created_may_be_created_again(statements: list[str]) -> None:
    created = [statement for statement in statements if statement.startswith("CREATE")]
    assert len(created) >= 18
    for statement in created:
        replaced = any(statement.startswith(f"CREATE OR REPLACE {kind} ") for kind in WITHOUT_IF_NOT_EXISTS)
        assert replaced or re.match(r"CREATE [A-Z ]+ IF NOT EXISTS ", statement), statement


def test_every_grant_is_of_named_rights_to_a_role_that_is_made_here(statements: list[str]) -> None:
    made = {match[1] for text in statements if (match := re.match(r"CREATE ROLE IF NOT EXISTS (\w+)", text))}
    assert len(made) == 4
    grants = [text for text in statements if text.startswith("GRANT")]
    assert len(grants) >= 25
    for grant in grants:
        match = re.fullmatch(r"GRANT (.+?)(?: ON (.+))? TO ROLE (\w+)", grant)
        assert match, grant
        rights, _, role = match.groups()
        assert role in made
        assert "ALL" not in rights.split(), "ALL PRIVILEGES gives what nobody asked for"
        assert not re.search(r"ACCOUNTADMIN|SECURITYADMIN|SYSADMIN|ORGADMIN|OWNERSHIP|MANAGE GRANTS|PUBLIC", grant)
        if rights.startswith("ROLE"):
            assert rights.removeprefix("ROLE ") in made


def test_only_the_writer_may_change_the_tables_of_production(statements: list[str]) -> None:
    changing = [
        text for text in statements if re.match(r"GRANT (INSERT|UPDATE|DELETE|CREATE).* (CALLS\.(MARTS_)?PROD)\b", text)
    ]
    assert changing
    assert all(text.endswith("TO ROLE CALLS_WRITER") for text in changing)


def test_nothing_may_leave_to_hosts_that_are_not_named(statements: list[str]) -> None:
    [rule] = [text for text in statements if "NETWORK RULE" in text and text.startswith("CREATE")]
    values = re.search(r"VALUE_LIST = \((.*?)\)", rule, re.DOTALL)
    assert values
    hosts = re.findall(r"'([^']*)'", values[1])
    assert hosts
    assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+:443", host) for host in hosts)
    assert "0.0.0.0" not in rule
    assert "*" not in rule


def test_readers_see_every_table_of_the_contract_and_no_words(repository: Path) -> None:
    text = _text(repository, "open_tables.sql")
    granted = re.findall(r"GRANT SELECT ON TABLE CALLS\.PROD\.(\w+)", text)
    assert sorted(granted) == sorted([PUBLISHED, *(name.upper() for name in TABLES)])
    tagged = set(re.findall(r"ALTER TABLE CALLS\.PROD\.(\w+)\s+MODIFY COLUMN (\w+) SET TAG", text))
    spoken = {
        (name.upper(), column.name.upper())
        for name, table in TABLES.items()
        for column in table.columns
        if column.name in {"text", "words", "transcript", "note"}
    }
    assert tagged == spoken
    assert text.rindex("SET TAG") < text.index("GRANT"), "no table is opened before its words are masked"


def test_readers_see_every_mart_and_no_words(repository: Path) -> None:
    text = _text(repository, "open_marts.sql")
    models = [yaml.safe_load(path.read_text()) for path in (repository / "dbt_project/models/marts").glob("*.yml")]
    marts = {mart["name"]: mart for file in models for mart in file.get("models", [])}
    granted = re.findall(r"GRANT SELECT ON TABLE CALLS\.MARTS_PROD\.(\w+) TO ROLE CALLS_READER", text)
    assert sorted(granted) == sorted(name.upper() for name in marts)
    tagged = set(re.findall(r"ALTER TABLE CALLS\.MARTS_PROD\.(\w+)\s+MODIFY COLUMN (\w+) SET TAG", text))
    spoken = {
        (name.upper(), column["name"].upper())
        for name, mart in marts.items()
        for column in mart["columns"]
        if column["name"] in {"text", "words", "transcript", "note"}
    }
    assert tagged == spoken
    assert text.rindex("SET TAG") < text.index("GRANT"), "no mart is opened before its words are masked"


def test_what_sleeps_costs_nothing_and_what_is_awake_has_a_limit(statements: list[str]) -> None:
    [warehouse] = [text for text in statements if text.startswith("CREATE WAREHOUSE")]
    assert "AUTO_SUSPEND = 60" in warehouse
    assert "INITIALLY_SUSPENDED = TRUE" in warehouse
    pools = [text for text in statements if text.startswith("CREATE COMPUTE POOL")]
    assert pools
    assert all("AUTO_SUSPEND_SECS" in pool for pool in pools)
    [monitor] = [text for text in statements if text.startswith("CREATE RESOURCE MONITOR")]
    assert "DO SUSPEND_IMMEDIATE" in monitor
    assert any(text.startswith("ALTER WAREHOUSE CALLS_WH SET RESOURCE_MONITOR") for text in statements)
