"""The IO manager: what an asset returns becomes one partition of its table, in whichever warehouse there is.

The table is found by the asset's name, the day by the partition key. Judging a batch happens before it reaches this
module (``assets.table_asset``); storing it safely happens below it (``warehouse``).
"""

import dagster as dg
import pandas as pd

from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.stages.tables import TABLES, TRANSCRIPTS, Table
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.files import Files


class WarehouseIOManager(dg.ConfigurableIOManager):
    """Write and read daily partitions of the contract's tables as frames."""

    warehouse: dg.ResourceDependency[Warehouse]
    files: dg.ResourceDependency[Files]

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        table = _table_of(context.asset_key)
        path = self.warehouse.write(table, context.partition_key, obj)
        self.files.release(table, context.partition_key)
        if table is TRANSCRIPTS:
            silenced = obj["audio_uri"] == obj["recording_id"].map(self.files.silenced_uri)
            self.files.drop_unsilenced(obj.loc[silenced, "recording_id"])
        context.add_output_metadata({"path": dg.MetadataValue.path(path), "dagster/row_count": len(obj)})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Return the rows of the partitions asked for, one or a range; of all columns or those that the input names.

        Raises ContractError when one of the partitions was never written: an absent day is not an empty day.
        """
        table = _table_of(context.asset_key)
        columns = context.definition_metadata.get("columns") if context.definition_metadata else None
        return self.warehouse.read_all(table, context.asset_partition_keys, columns)


def _table_of(key: dg.AssetKey) -> Table:
    name = key.path[-1]
    if name not in TABLES:
        raise ContractError(f"asset {key.to_user_string()} has no table; the tables are {', '.join(TABLES)}")
    return TABLES[name]
