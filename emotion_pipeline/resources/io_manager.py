"""The IO manager of the embedded warehouse: what an asset returns becomes one partition of its table in the lake.

The table is found by the asset's name, the day by the partition key. Judging a batch happens before it reaches this
module (``assets.table_asset``); storing it safely happens below it (``lake``).
"""

import dagster as dg
import pandas as pd

from emotion_pipeline.engine.errors import ContractError
from emotion_pipeline.resources.lake import Lake
from emotion_pipeline.tables import TABLES, Table


class LakeIOManager(dg.ConfigurableIOManager):
    """Write and read daily partitions of the contract's tables as frames."""

    lake: dg.ResourceDependency[Lake]

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        table = _table_of(context.asset_key)
        path = self.lake.write(table, context.partition_key, obj)
        self.lake.release(table, context.partition_key)
        context.add_output_metadata({"path": dg.MetadataValue.path(str(path)), "dagster/row_count": len(obj)})

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Return the rows of the partitions asked for.

        Raises ContractError when one of them was never written: an absent day is not an empty day.
        """
        table = _table_of(context.asset_key)
        columns = context.definition_metadata.get("columns") if context.definition_metadata else None
        frames = []
        for partition in context.asset_partition_keys:
            frame = self.lake.read(table, partition, columns)
            if frame is None:
                raise ContractError(
                    f"table {table.name} has no partition {partition} in {self.lake.root}; materialise it first"
                )
            frames.append(frame)
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _table_of(key: dg.AssetKey) -> Table:
    name = key.path[-1]
    if name not in TABLES:
        raise ContractError(f"asset {key.to_user_string()} has no table; the tables are {', '.join(TABLES)}")
    return TABLES[name]
