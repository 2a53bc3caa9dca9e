"""Training in several processes, as `torchrun` starts them: each takes its share of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Processes:
    """The processes that train together.

    Parameters
    ----------
    rank
        Number of this one.
    count
        How many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def device(self) -> str | None:
        """The GPU that is this process's own, where there are several processes on GPUs."""
        return f"cuda:{os.environ['LOCAL_RANK']}" if self.count > 1 and torch.cuda.is_available() else None

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def total(self, number: float) -> float:
        """Return the sum of a number over all processes."""
        if self.count == 1:
            return number
        whole = torch.tensor(number, dtype=torch.float64, device=self.device)
        distributed.all_reduce(whole)
        return float(whole)

    def add_gradients(self, model: nn.Module) -> None:
        """Put the sum of all processes' gradients in place of this one's."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        whole = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(whole)
        for gradient, piece in zip(gradients, whole.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(piece.view_as(gradient))

    def wait(self) -> None:
        """Wait until all have come here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def processes() -> Iterator[Processes]:
    """Join the processes that `torchrun` started; one process without it."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
