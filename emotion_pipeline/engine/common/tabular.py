"""Results that people look at as a table: a frame to compute with, and the same in a notebook.

What a result says, and which columns it has, is its own class's business (``engine.types``, ``stages.report``).
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd


class Tabular(ABC):
    """Whatever is one or more rows of a table; all of a class have the same columns."""

    __slots__ = ()

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows by column."""

    @abstractmethod
    def shown_columns(self) -> tuple[str, ...]:
        """Return which columns a notebook shows: those that people read."""

    def to_frame(self) -> "pd.DataFrame":
        """Return the rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        return frame[[name for name in self.shown_columns() if name in frame]].to_html(
            index=False, float_format="{:.3f}".format
        )


T = TypeVar("T", bound=Tabular)


class Results(list[T], Tabular):
    """A list of results, in the order of what was asked, that is a table too."""

    def rows(self) -> list[dict[str, Any]]:
        return [row for item in self for row in item.rows()]

    def shown_columns(self) -> tuple[str, ...]:
        return self[0].shown_columns() if self else ()
