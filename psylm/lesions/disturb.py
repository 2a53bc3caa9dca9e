"""Noise and dropout that are functions of the text: a score is the same in whatever company."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import torch
from torch import Tensor

from psylm.lesions.effects import Effect
from psylm.lesions.hooks import before, feed_forward
from psylm.lesions.reading import Reading, normal, uniform
from psylm.lesions.sites import Site
from psylm.models.base import LanguageModel
from psylm.models.changes import Change, Lesion


def disturb(
    stack: ExitStack,
    model: LanguageModel,
    lesion: Lesion,
    sites: Sequence[Site],
    effects: Mapping[str, Effect],
    where: str,
) -> None:
    r"""Add noise to what heads give, and silence units of attention and of feed-forward networks.

    Noise is :math:`o + s\,\mathrm{sd}(o)\,z` with :math:`z \sim N(0, 1)`, for the concatenated heads' output o of
    each token; its standard deviation is over the units of that token. Of dropout and of a thinned network, the
    units that stay are multiplied by 1 / (1 - p).

    Parameters
    ----------
    stack
        Undoes it.
    model, lesion
        The model, and what is changed in it.
    sites
        The attentions.
    effects
        What is done at each, by its name.
    where
        The model's name, for messages.
    """
    width = int(model.network.config.hidden_size)
    layers = {site.name: site for site in sites if not site.crosses}
    for kind in ("noise", "dropout", "thinned"):
        if kind not in lesion or not lesion[kind].strength:
            continue
        change = lesion[kind]
        for place, site in enumerate(sites):
            effect = effects[site.name]
            effect.after.append(_on_heads(_disturbance(change, effect.reading, place)))
        if kind == "noise":
            continue
        for place, site in enumerate(layers.values(), start=len(sites)):
            change_units = _disturbance(change, effects[site.name].reading, place)
            before(stack, feed_forward(site, width, where), change_units)


def _disturbance(change: Change, reading: Reading | None, place: int) -> Callable[[Tensor], Tensor]:
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
