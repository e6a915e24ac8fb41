"""What the pipeline needs of a warehouse, whichever it is: whole partitions in, whole partitions out.

``Lake`` and ``SnowflakeWarehouse`` are the two there are; the IO manager and the assets know neither. What is no table
(audio copies, checkpoints, refused batches) is kept as files, see ``files``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.stages.tables import Table


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be erased: recordings by their ids, or all days before an ISO date; exactly one of the two is set."""

    recordings: frozenset[str] = frozenset()
    before: str = ""

    def has(self, day: str, recording_id: object) -> bool:
        """Return whether the rows of a recording in the partition of a day are chosen."""
        return day < self.before or recording_id in self.recordings


class Warehouse(ABC):
    """Partitions of the contract's tables. A partition is replaced whole or not at all, whatever happens meanwhile."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call this warehouse in a message."""

    @abstractmethod
    def partitions(self, table: Table) -> list[str]:
        """Return the days that have been written, empty ones too, in order."""

    @abstractmethod
    def read(self, table: Table, partition: str, columns: Sequence[str] | None = None) -> pd.DataFrame | None:
        """Return the rows of one partition, all columns or those named, or None if it was never written.

        Rows come in any order. A column that the contract gained later than the rows were written has nulls in them.
        """

    @abstractmethod
    def write(self, table: Table, partition: str, frame: pd.DataFrame) -> str:
        """Replace one partition by ``frame``, whole or not at all, and return where it lies now.

        Raises ContractError where the frame does not fit the contract, see ``schema.conform.as_partition``.
        """

    @abstractmethod
    def append(self, table: Table, partition: str, frame: pd.DataFrame) -> None:
        """Add rows of one partition to a table whose rows are appended; others may add theirs at the same time.

        All rows are added or none. Raises ContractError as ``write``.
        """

    @abstractmethod
    def erase(self, table: Table, chosen: Chosen, *, dry_run: bool) -> dict[str, int]:
        """Remove the chosen rows and return how many by day, in order; a dry run only counts them.

        The partitions stay, be it without rows. ``table`` has a column ``recording_id``.
        """

    def read_all(self, table: Table, partitions: Sequence[str], columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the rows of several partitions as one frame.

        Raises ContractError when one of them was never written: an absent day is not an empty day.
        """
        frames = []
        for partition in partitions:
            frame = self.read(table, partition, columns)
            if frame is None:
                raise self.absent(table, partition)
            frames.append(frame)
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)

    def absent(self, table: Table, partition: str) -> ContractError:
        """Return the error for a partition that was never written."""
        return ContractError(f"table {table.name} has no partition {partition} in {self.name}; materialise it first")
