"""Lesions: models changed on purpose, as simulated deficits; see `docs/lesions.md`.

A lesion is part of a model's name, `MODEL#CHANGE[,CHANGE…]`, so that whatever takes a model takes a lesioned one.
`lesioned` changes a loaded model for a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psylm.models.changes import Change, Lesion

if TYPE_CHECKING:
    from psylm.lesions.apply import lesioned as lesioned

__all__ = ["Change", "Lesion", "lesioned"]


def __getattr__(name: str) -> Any:
    if name != "lesioned":
        raise AttributeError(f"module 'psylm.lesions' has no attribute {name!r}")
    from psylm.lesions.apply import lesioned

    return lesioned
