"""Which schema of Snowflake a deployment reads and writes, so that nothing gets to production by default.

``prod`` has the production schema. ``branch`` has a clone of it that bears the branch's name. ``local`` has the schema
that its developer names, which may not be the production one. Each has its marts in a schema of their own beside it.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from emotion_pipeline.config.settings import ConfigurationError, Settings

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_MARTS: Final = "MARTS_"
# Characters that a name may have: as many as Snowflake allows, less what the schema of the marts has in front.
_LONGEST: Final = 255 - len(_MARTS)


@dataclass(frozen=True, slots=True)
class Target:
    """A schema, in the upper case in which Snowflake keeps plain names."""

    database: str
    schema: str
    # The schema that it is cloned from where it does not exist yet.
    cloned_from: str | None = None
    # Whether the deployment creates the schema where it does not exist yet.
    may_create: bool = False

    @property
    def marts(self) -> str:
        """The schema of the marts; ``dbt_project/profiles.yml`` derives it in the same way."""
        return f"{_MARTS}{self.schema}"


def target_of(settings: Settings) -> Target:
    """Return the schema of this deployment.

    Raises ConfigurationError naming the setting that is missing, or that would lead into production.
    """
    database = _name(settings.snowflake.database, "SNOWFLAKE_DATABASE")
    production = _name(settings.storage.production_schema, "storage.production_schema")
    named = settings.snowflake.schema_
    schema = _name(named, "SNOWFLAKE_SCHEMA") if named else None
    if settings.deployment == "prod":
        if schema not in (None, production):
            raise ConfigurationError(
                f"deployment prod writes to storage.production_schema, {production}, but SNOWFLAKE_SCHEMA is {schema}; "
                "unset it or make both the same"
            )
        return Target(database, production)
    if settings.deployment == "branch":
        return Target(database, _branch_schema(settings.branch, production), cloned_from=production, may_create=True)
    if schema is None:
        raise ConfigurationError(
            "deployment local writes to a schema of your own and none is named; set SNOWFLAKE_SCHEMA, such as "
            f"{production}_ADA"
        )
    target, productive = Target(database, schema, may_create=True), Target(database, production)
    if {target.schema, target.marts} & {productive.schema, productive.marts}:
        raise ConfigurationError(
            f"SNOWFLAKE_SCHEMA is {schema}, which leads into the production schema {productive.schema} or its marts "
            f"{productive.marts}, to which deployment local never writes; name another, such as {production}_ADA, or "
            "set EMOTION_DEPLOYMENT=prod"
        )
    return target


def _branch_schema(branch: str | None, production: str) -> str:
    """Return a schema name of its own for every branch: what a plain name cannot have is told by a hash instead."""
    if not branch:
        raise ConfigurationError("deployment branch needs the branch's name; set EMOTION_BRANCH")
    plain = re.sub(r"[^A-Za-z0-9]+", "_", branch).strip("_")
    if plain != branch:
        plain = f"{plain[:100]}_{sha256(branch.encode()).hexdigest()[:8]}"
    return _name(f"{production}_BRANCH_{plain}", "EMOTION_BRANCH")


def _name(name: str | None, setting: str) -> str:
    if not name:
        raise ConfigurationError(f"storage.backend snowflake needs {setting}; set it")
    if not _PLAIN.fullmatch(name) or len(name) > _LONGEST:
        raise ConfigurationError(f"{setting} is {name!r}; use letters, digits and underscores only, without quotes")
    return name.upper()
