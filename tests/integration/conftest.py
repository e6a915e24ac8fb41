"""A Snowflake on this machine, for the tests of each module that write to one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.warehouse_server import WarehouseServer


@pytest.fixture(scope="module")
def server() -> "Iterator[WarehouseServer]":
    # Here and not above: most modules need no fakesnow, which takes seconds to import.
    from support.warehouse_server import WarehouseServer

    with WarehouseServer() as listening:
        yield listening


@pytest.fixture
def database(server: "WarehouseServer") -> Iterator[str]:
    """A database of the test's own, to which ``SNOWFLAKE_*`` lead."""
    from support.warehouses import new_database

    made = new_database(server)
    with server.as_settings(made):
        yield made
