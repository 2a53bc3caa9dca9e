"""What do models know, and when? Accuracy and mean scores over training, by architecture, with intervals between seeds.

For models that `psylm train` made (`scratch:FOLDER@all`). Each seed is a learner; an interval is that of the mean of
learners. Sets with a factor `acceptability` give accuracy: how often the good sentence's target, or where none is
marked the good sentence as a whole, costs fewer bits than the bad one's. Other sets give the mean of every measure, by
condition.
"""

from __future__ import annotations

from psylm.figures.drawn import Drawn
from psylm.figures.learning import draw_trajectories
from psylm.prose.learning import accuracy
from psylm.prose.paragraphs import paragraphs
from psylm.runs.run import Run
from psylm.stats.collect import Tables
from psylm.stats.learning import ACCURACY, learners, mean_of_learners

REQUIRES = ()


def tables(run: Run) -> Tables:
    """Compute what each learner knew at each checkpoint, and the mean of learners."""
    every = learners(run)
    return {"learners": every, "means": mean_of_learners(every)}


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw the mean of learners over training tokens: a panel a condition, a line an architecture."""
    grouped = tables["means"].groupby(["stimuli", "measure"], sort=False)
    return {f"{measure}-{stimuli}": draw_trajectories(rows) for (stimuli, measure), rows in grouped}


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say where each architecture ended, and when it first came within five points of that; one paragraph each."""
    judged = tables["means"][tables["means"]["measure"] == ACCURACY]
    return paragraphs({"means": judged}, {"means": accuracy}, heading=["architecture"], within=["condition"])
