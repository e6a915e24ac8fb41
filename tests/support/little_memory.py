"""A device whose allocator has little room, as the back ends meet it: torch asks for memory and is refused."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def attended(tensor: torch.Tensor) -> int:
    """How many items are in a tensor of attention over several heads, 0 for any other tensor."""
    return len(tensor) if tensor.ndim == 4 else 0


class LittleMemory(TorchDispatchMode):
    """An allocator with room for ``room`` items: it gives no tensor that ``items`` counts more in."""

    def __init__(self, room: int, items: Callable[[torch.Tensor], int] = attended) -> None:
        super().__init__()
        self.room = room
        self.items = items
        self.refused = 0
        self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        counts = [self.items(tensor) for tensor in tree_leaves(result) if isinstance(tensor, torch.Tensor)]
        if max(counts, default=0) > self.room:
            self.refused += 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.largest = max(self.largest, *counts, 0)
        return result
