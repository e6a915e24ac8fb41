"""The roles that speakers of a call may have: pure data, which settings and tables name, too."""

from typing import Final, Literal, TypeAlias

Role: TypeAlias = Literal["agent", "customer", "unknown"]
ROLES: Final[tuple[Role, ...]] = ("agent", "customer", "unknown")
