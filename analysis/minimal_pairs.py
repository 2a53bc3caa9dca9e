"""Does the model prefer the good sentence of a pair? Accuracy and margin by method, set and phenomenon.

For sets with a factor `acceptability` whose first level is the good one. Each measure that the run has gives one way to
compare a pair: whole sentences (`sentence_surprisal`, `pseudo_log_likelihood`), the critical word (`surprisal` of the
target; where both sentences begin alike, this is the one-prefix method), the measures of `acceptability`, and what the
model answers when it is asked (`metalinguistic`).
"""

from __future__ import annotations

from collections.abc import Iterator

from psylm.figures.drawn import Drawn
from psylm.figures.minimal_pairs import draw_accuracy
from psylm.prose.minimal_pairs import phenomena
from psylm.prose.paragraphs import paragraphs
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.conditions.minimal_pairs import SHOWN, accuracy_rows, margins_by_method, published_accuracy

REQUIRES = ()


def tables(run: Run) -> Tables:
    """Compute accuracy and margin for each set and method, and accuracy by phenomenon."""
    return collect(_parts(run))


def _parts(run: Run) -> Iterator[Part]:
    margins = margins_by_method(run)
    yield "accuracy", {}, accuracy_rows(margins, ["model", "stimuli", "phenomenon", "method"])
    for rows in (margins, margins.assign(phenomenon="all")):
        yield "phenomena", {}, accuracy_rows(rows, ["model", "phenomenon", "method"])


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw accuracy by set, or by phenomenon within a single set, for each model."""
    drawn: dict[str, Drawn] = {}
    published = {stimuli: published_accuracy(run.card(stimuli)) for stimuli in run.stimulus_names}
    for model in run.model_names:
        mine = select(tables, model=model)
        if "accuracy" in mine and mine["accuracy"]["method"].isin(SHOWN).any():
            drawn[f"accuracy-{model}"] = draw_accuracy(mine["accuracy"], published, model)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in an APA paragraph how often the good sentence was preferred; every number comes from the tables."""
    return paragraphs(tables, {"phenomena": phenomena}, heading=["model"])
