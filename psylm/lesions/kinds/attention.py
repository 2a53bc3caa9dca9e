"""Lesions of attention itself: how sharp it is, and how far it reaches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from psylm.lesions.values import count, number
from psylm.models.changes import Change
from psylm.models.lesion_kinds import LESION_KINDS, Dose, LesionKind


def _octaves(fact: Mapping[str, Any]) -> Dose:
    """Count a temperature as the binary logarithm of its ratio to 1, above (flatter) and below (sharper) apart."""
    octaves = math.log2(float(fact["strength"]))
    name, sign = ("flatter attention", "") if octaves > 0 else ("sharper attention", "−")
    return Dose(name, abs(octaves), f"{sign}log2 temperature")


def _flatten(operation: Any, change: Change) -> None:
    for effect in operation.effects.values():
        effect.temperature = float(change.strength or 1)


def _shorten(operation: Any, change: Change) -> None:
    for site in operation.sites:
        if not site.crosses:
            operation.effects[site.name].span = int(change.strength or 1)


LESION_KINDS.add(
    "temperature",
    LesionKind(
        "NUMBER above 0",
        "attention scores are divided by τ before the softmax: flatter above 1, sharper below",
        number(0, 1e6, above=True),
        _octaves,
        intact=1,
        enter=_flatten,
    ),
)
LESION_KINDS.add(
    "span",
    LesionKind(
        "TOKENS, a number from 1",
        "a token sees itself, those less than so many places away, and special tokens",
        count(1),
        lambda fact: Dose("short span", 1 / float(fact["strength"]), "1 / tokens in view"),
        intact=None,
        by_neighbours=True,
        enter=_shorten,
    ),
)
