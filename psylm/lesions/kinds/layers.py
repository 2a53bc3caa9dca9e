"""A lesion of whole layers."""

from __future__ import annotations

import re
from typing import Any

from psylm.lesions.values import names
from psylm.models.changes import Change
from psylm.models.lesion_kinds import LESION_KINDS, Dose, LesionKind

LAYER = re.compile(r"[ed]?\d+")


def _pass_by(operation: Any, change: Change) -> None:
    from psylm.lesions.choose import named_layers
    from psylm.lesions.hooks import pass_by

    for site in named_layers(change, operation.sites, operation.where):
        pass_by(operation.stack, site.layer)


LESION_KINDS.add(
    "layers",
    LesionKind(
        "LAYER[+LAYER…], each once, counted from 0",
        "these layers are skipped: they return their input",
        names(LAYER),
        lambda _: Dose("layers passed by", 1.0),
        names="layers",
        enter=_pass_by,
    ),
)
