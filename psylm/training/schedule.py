"""How the learning rate rises and falls, which optimiser trains which parameters, and when models are kept."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from torch import nn

Schedule = Literal["cosine", "inverse_sqrt", "constant"]
Optimiser = Literal["adamw", "muon"]


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


def make_optimisers(model: nn.Module, optimiser: Optimiser, weight_decay: float) -> list[torch.optim.Optimizer]:
    """Return what trains a model: AdamW; or Muon for the matrices inside, and AdamW for the rest.

    Muon makes the moving average of a matrix's gradients orthogonal before it is added, so that rare directions are
    learnt as fast as frequent ones. Its steps are scaled to be about as long as AdamW's: one learning rate serves both.

    Parameters
    ----------
    model
        The model.
    optimiser
        `adamw`, or `muon`: the weights of linear layers that neither read from nor write to the vocabulary.
    weight_decay
        Decay, of matrices only.

    References
    ----------
    Jordan et al. (2024), *Muon: An optimizer for hidden layers in neural networks*. Liu et al. (2025), *Muon is
    scalable for LLM training*, for the length of its steps.

    Examples
    --------
    >>> from psylm.scratch import GPT, Shape
    >>> muon, adamw = make_optimisers(GPT(Shape(100, layers=2, width=16, heads=2)), "muon", 0.01)
    >>> len(muon.param_groups[0]["params"]) / 2  # W_Q, W_K, W_V, W_O, W_1 and W_2 of a layer
    6.0
    """
    inside = [
        module.weight
        for module in model.modules()
        if isinstance(module, nn.Linear) and model.shape.vocabulary not in module.weight.shape
    ]
    if optimiser == "adamw" or not inside:
        return [make_optimiser(model.parameters(), weight_decay)]
    chosen = {id(weight) for weight in inside}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    muon = torch.optim.Muon(inside, lr=0.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
    return [muon, make_optimiser(rest, weight_decay)]


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
