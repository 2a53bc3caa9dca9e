"""What is no lesion of a loaded network: weights drawn anew, and the texts that other kinds look at."""

from __future__ import annotations

from psylm.lesions.values import existing_file, nothing
from psylm.models.lesion_kinds import LESION_KINDS, Dose, LesionKind

LESION_KINDS.add(
    "random",
    LesionKind(
        "SEED, a whole number",
        "weights drawn at random, as the configuration initialises them; the trained ones are not read",
        nothing,
        lambda _: Dose("random weights", 1.0),
        seeded=True,
        intact=None,
        at_loading=True,
    ),
)
LESION_KINDS.add(
    "texts",
    LesionKind(
        "FILE, a text file that is there",
        "texts that averages and importance are computed on; forty sentences of psylm's own by default",
        existing_file,
        lambda _: Dose("reference texts", 0.0),
        intact=None,
        accompanies=("mean-heads", "important-heads", "unimportant-heads"),
    ),
)
