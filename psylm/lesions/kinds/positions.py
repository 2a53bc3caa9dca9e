"""Lesions of what a model knows of the order of words."""

from __future__ import annotations

import math
from typing import Any

from psylm.lesions.values import count, none
from psylm.models.changes import Change
from psylm.models.lesion_kinds import LESION_KINDS, Dose, LesionKind


def _all_the_same(operation: Any, _change: Change) -> None:
    import torch

    from psylm.lesions.hooks import move_positions

    move_positions(operation, lambda window: torch.zeros(window, dtype=torch.long))


def _shuffled(operation: Any, change: Change) -> None:
    from psylm.lesions.hooks import move_positions, shuffled

    move_positions(operation, lambda window: shuffled(window, int(change.strength or 1), change.seed or 0))


LESION_KINDS.add(
    "positions",
    LesionKind(
        "none",
        "every token has the same position",
        none,
        lambda _: Dose("no positions", 1.0),
        intact=None,
        excludes=("shuffle",),
        enter=_all_the_same,
    ),
)
LESION_KINDS.add(
    "shuffle",
    LesionKind(
        "TOKENS@SEED, a number from 1",
        "positions are shuffled within stretches of so many tokens",
        count(1),
        lambda fact: Dose("shuffled positions", math.log2(float(fact["strength"])), "log2 tokens shuffled"),
        seeded=True,
        intact=1,
        excludes=("positions",),
        enter=_shuffled,
    ),
)
