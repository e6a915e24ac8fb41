"""The checkpoint of a training run: written whole or not at all, read back where there is one.

What a run keeps beside optimiser, schedule and random state, and whether a checkpoint is of the same run, is the run's
own business.
"""

from pathlib import Path
from typing import Any, Final

import torch

NAME: Final = "checkpoint.pt"


def save(
    folder: Path, optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler, **content: Any
) -> None:
    """Replace the checkpoint in ``folder``, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    states = {
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "random": torch.get_rng_state(),
    }
    unfinished = folder / f".{NAME}.tmp"
    torch.save({**content, **states}, unfinished)
    unfinished.replace(folder / NAME)


def load(folder: Path, device: torch.device | str) -> dict[str, Any] | None:
    """Return what was saved, or None where nothing was."""
    path = folder / NAME
    return torch.load(path, map_location=device, weights_only=True) if path.is_file() else None


def restore(
    content: dict[str, Any], optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler
) -> None:
    """Go on with optimiser, schedule and random numbers where ``content`` was saved."""
    optimizer.load_state_dict(content["optimizer"])
    scheduler.load_state_dict(content["scheduler"])
    torch.set_rng_state(content["random"].cpu())
