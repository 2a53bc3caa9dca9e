"""How strong a lesion is, on a scale whose zero is the intact model."""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Dose(NamedTuple):
    """A lesion as a dose.

    Parameters
    ----------
    name
        What was done, in words.
    dose
        How much of it; 0 is nothing.
    unit
        What the dose counts, for an axis.
    """

    name: str
    dose: float
    unit: str


SHARES = {
    "random-heads": "random heads",
    "important-heads": "important heads",
    "unimportant-heads": "unimportant heads",
    "heads": "chosen heads",
    "mean-heads": "chosen heads at their mean",
}

STRENGTHS = {
    "noise": ("noise", "SD of noise / SD of output"),
    "dropout": ("dropout", "share of units silent"),
    "thinned": ("thinned network", "share of units silent"),
}

NO_SCALE = {"layers": "layers passed by", "positions": "no positions", "random": "random weights"}
"""Changes that are there or are not."""


def dose_of(fact: dict[str, Any]) -> Dose:
    """Return the dose of a change, from what a manifest says of it (`ModelInfo.lesion["facts"]`).

    Heads count as the share of all; a temperature as the binary logarithm of its ratio to 1, above (flatter) and
    below (sharper) apart; a span of n tokens as 1/n; shuffled stretches of n tokens as log2 n.

    Examples
    --------
    >>> dose_of({"kind": "temperature", "strength": 0.5})
    Dose(name='sharper attention', dose=1.0, unit='−log2 temperature')
    >>> dose_of({"kind": "random-heads", "strength": 0.1, "heads": ["0.1"], "of": 10}).dose
    0.1
    """
    kind = fact["kind"]
    if kind in SHARES:
        return Dose(SHARES[kind], len(fact["heads"]) / fact["of"], "share of heads")
    if kind in NO_SCALE:
        return Dose(NO_SCALE[kind], 1.0, "")
    strength = float(fact["strength"])
    if kind in STRENGTHS:
        name, unit = STRENGTHS[kind]
        return Dose(name, strength, unit)
    if kind == "temperature":
        octaves = math.log2(strength)
        name, sign = ("flatter attention", "") if octaves > 0 else ("sharper attention", "−")
        return Dose(name, abs(octaves), f"{sign}log2 temperature")
    if kind == "span":
        return Dose("short span", 1 / strength, "1 / tokens in view")
    return Dose("shuffled positions", math.log2(strength), "log2 tokens shuffled")
