"""The resource ``snowflake``: dagster-snowflake's own, logged in as the pipeline, for users' assets and their SQL.

The pipeline's tables do not use it; they go through ``emotion_pipeline.warehouse.snowflake``.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from emotion_pipeline.config.engine_options import snowflake_login
from emotion_pipeline.config.settings import Snowflake
from emotion_pipeline.engine.snowflake.connection import NETWORK_TIMEOUT_S, SESSION_PARAMETERS, Login

if TYPE_CHECKING:
    from dagster_snowflake import SnowflakeResource

# Arguments of the connector that the resource has under another name; it passes those that it does not know on.
_RENAMED = {"private_key_file": "private_key_path", "private_key_file_pwd": "private_key_password"}
_SAME_NAME = ("account", "user", "password", "authenticator", "role", "warehouse", "database", "schema")


class SnowflakeSql(dg.ConfigurableResource["SnowflakeResource"]):
    """Gives a ``SnowflakeResource`` whose sessions begin in the schema of this deployment's tables.

    Who logs in how is read from ``SNOWFLAKE_*`` when a run asks for it: Dagster shows the attributes of resources.
    """

    database: str
    schema_name: str

    def create_resource(self, context: dg.InitResourceContext) -> "SnowflakeResource":
        """Raises ConfigurationError where the login is incomplete, see ``snowflake_login``."""
        login = snowflake_login(Snowflake())
        return snowflake_resource(replace(login, database=self.database, schema=self.schema_name))


def snowflake_resource(login: Login) -> "SnowflakeResource":
    """Return dagster-snowflake's resource for a login; its sessions are like the pipeline's own."""
    from dagster_snowflake import SnowflakeResource  # seconds to import

    arguments = login.arguments()
    options = {name: arguments.pop(name) for name in _SAME_NAME if name in arguments}
    options |= {name: str(arguments.pop(argument)) for argument, name in _RENAMED.items() if argument in arguments}
    return SnowflakeResource(
        **{"user": "", **options},  # an OAuth token says who logs in
        network_timeout=NETWORK_TIMEOUT_S,
        additional_snowflake_connection_args={**arguments, "session_parameters": dict(SESSION_PARAMETERS)},
    )
