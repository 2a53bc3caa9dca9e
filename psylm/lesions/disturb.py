"""Noise and dropout that are functions of the text: a score is the same in whatever company."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from psylm.lesions.hooks import before, feed_forward
from psylm.lesions.operation import Operation
from psylm.lesions.text_read import TextRead, normal, uniform
from psylm.models.changes import Change


def disturb(operation: Operation, change: Change) -> None:
    r"""Add noise to what heads give, and silence units of attention and of feed-forward networks.

    Noise is :math:`o + s\,\mathrm{sd}(o)\,z` with :math:`z \sim N(0, 1)`, for the concatenated heads' output o of
    each token; its standard deviation is over the units of that token. Of dropout and of a thinned network, the
    units that stay are multiplied by 1 / (1 - p).

    Parameters
    ----------
    operation
        The lesion while it is put in place.
    change
        `noise`, `dropout` or `thinned`, with its strength and seed.
    """
    if not change.strength:
        return
    width, sites = int(operation.model.network.config.hidden_size), operation.sites
    for place, site in enumerate(sites):
        effect = operation.effects[site.name]
        effect.after.append(_on_heads(_disturbance(change, effect.reading, place)))
    if change.kind == "noise":
        return
    layers = {site.name: site for site in sites if not site.crosses}
    for place, site in enumerate(layers.values(), start=len(sites)):
        change_units = _disturbance(change, operation.effects[site.name].reading, place)
        before(operation.stack, feed_forward(site, width, operation.where), change_units)


def _disturbance(change: Change, reading: TextRead | None, place: int) -> Callable[[Tensor], Tensor]:
    """Return what is done to units [batch, n, units]; `place` tells one part of the network from another."""
    strength, seed = change.strength or 0.0, change.seed or 0
    assert reading is not None

    def noisy(units: Tensor) -> Tensor:
        drawn = normal(reading.keys, units.shape[-1], seed, place)
        deviation = units.to(torch.promote_types(units.dtype, torch.float32)).std(-1, keepdim=True)
        return units + (strength * deviation * drawn).to(units.dtype)

    def dropped(units: Tensor) -> Tensor:
        keys = reading.keys if change.kind == "dropout" else torch.zeros((), dtype=torch.long, device=units.device)
        kept = uniform(keys, units.shape[-1], seed, place) >= strength
        return units * (kept / (1 - strength)).to(units.dtype)

    return noisy if change.kind == "noise" else dropped


def _on_heads(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a change of units as one of heads [batch, n, heads, d_v]."""
    return lambda heads: change(heads.flatten(2)).unflatten(2, heads.shape[2:])
