"""How the learning rate rises and falls, which parameters decay, and when models are kept."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from torch import nn

Schedule = Literal["cosine", "inverse_sqrt", "constant"]


def rate(step: int, schedule: Schedule, warmup: int, steps: int) -> float:
    r"""Return the share of the highest learning rate at a step.

    All schedules rise linearly over `warmup` steps. Then `inverse_sqrt` falls with :math:`1/\sqrt{step}`, as in
    Vaswani et al. (2017, section 5.3), whose :math:`d^{-1/2} \min(step^{-1/2}, step · warmup^{-3/2})` it is but for
    scale; `cosine` falls to zero at the last step (Loshchilov & Hutter 2017).

    Parameters
    ----------
    step
        From 1.
    schedule, warmup, steps
        As in a training's file.

    Examples
    --------
    >>> [round(rate(step, "inverse_sqrt", 100, 1000), 3) for step in (50, 100, 400)]
    [0.5, 1.0, 0.5]
    >>> [round(rate(step, "cosine", 100, 1100), 3) for step in (100, 600, 1100)]
    [1.0, 0.5, 0.0]
    """
    if step < warmup:
        return step / warmup
    if schedule == "inverse_sqrt":
        return math.sqrt(warmup / step)
    if schedule == "cosine":
        done = (step - warmup) / max(steps - warmup, 1)
        return (1 + math.cos(math.pi * min(done, 1.0))) / 2
    return 1.0


def make_optimiser(parameters: Iterable[nn.Parameter], weight_decay: float) -> torch.optim.AdamW:
    """Return AdamW (Loshchilov & Hutter 2019), which decays matrices only: neither biases nor LayerNorm."""
    kept = list(parameters)
    groups = [
        {"params": [parameter for parameter in kept if parameter.dim() > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in kept if parameter.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=0.0, betas=(0.9, 0.98), fused=True)


def checkpoint_steps(steps: int, count: int) -> list[int]:
    """Return the steps after which a model is kept: evenly spaced on a logarithmic scale, the last among them.

    Examples
    --------
    >>> checkpoint_steps(1000, 4), checkpoint_steps(1000, 1)
    ([1, 10, 100, 1000], [1000])
    """
    if count == 1:
        return [steps]
    return sorted({round(step) for step in np.geomspace(1, steps, count)})
