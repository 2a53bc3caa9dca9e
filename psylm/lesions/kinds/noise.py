"""Lesions that disturb what heads and units give: noise, dropout, a thinned network."""

from __future__ import annotations

from typing import Any

from psylm.lesions.values import number
from psylm.models.changes import Change
from psylm.models.lesion_kinds import LESION_KINDS, Dose, LesionKind

SHARE = "SHARE@SEED, from 0 to below 1"
SILENT = "share of units silent"


def _disturb(operation: Any, change: Change) -> None:
    from psylm.lesions.disturb import disturb

    disturb(operation, change)


LESION_KINDS.add(
    "noise",
    LesionKind(
        "STRENGTH@SEED, a number from 0",
        "Gaussian noise on the output of heads, its SD that share of the output's own SD at the token",
        number(0, 1e6),
        lambda fact: Dose("noise", float(fact["strength"]), "SD of noise / SD of output"),
        seeded=True,
        by_neighbours=True,
        enter=_disturb,
    ),
)
LESION_KINDS.add(
    "dropout",
    LesionKind(
        SHARE,
        "units of attention and feed-forward networks are silent, others at each token",
        number(0, 1 - 1e-9),
        lambda fact: Dose("dropout", float(fact["strength"]), SILENT),
        seeded=True,
        stage=1,
        by_neighbours=True,
        enter=_disturb,
    ),
)
LESION_KINDS.add(
    "thinned",
    LesionKind(
        SHARE,
        "units of attention and feed-forward networks are silent, the same in every text",
        number(0, 1 - 1e-9),
        lambda fact: Dose("thinned network", float(fact["strength"]), SILENT),
        seeded=True,
        stage=2,
        enter=_disturb,
    ),
)
