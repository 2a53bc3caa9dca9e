"""Are the predictions of a syntactic test suite true of the model? Accuracy by suite, and surprisal by region.

Needs the measure `surprisal` with `units: [region]`, on sets that carry predictions (SyntaxGym's, Hu et al. 2020). An
item counts as a success if the formula of the prediction is true of the model's surprisals.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from psylm.figures.drawn import Drawn
from psylm.figures.suites import draw_accuracy, draw_regions
from psylm.prose.paragraphs import paragraphs
from psylm.prose.suites import predictions
from psylm.reporting.requirements import Requires
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.conditions.suites import prediction_row, region_rows, surprisals

REQUIRES = Requires(measures=("surprisal",), columns=("predictions",))


def tables(run: Run) -> Tables:
    """Compute the accuracy of every prediction, and mean surprisal by region and condition."""
    return collect(_parts(run))


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli in run.grid():
        items = run.items(stimuli)
        if "predictions" not in items:
            continue
        about, found = {"model": model, "stimuli": stimuli}, surprisals(run, model, stimuli)
        predictions = json.loads(items["predictions"].iloc[0])
        numbered = enumerate(predictions, start=1)
        yield "predictions", about, [{"prediction": number} | prediction_row(text, found) for number, text in numbered]
        yield "regions", about, region_rows(found)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw the accuracy of all suites, and each suite's surprisal by region."""
    drawn: dict[str, Drawn] = {}
    titles = {stimuli: str(run.card(stimuli)["title"]) for stimuli in run.stimulus_names}
    for model in run.model_names:
        mine = select(tables, model=model)
        if "predictions" in mine:
            drawn[f"accuracy-{model}"] = draw_accuracy(mine["predictions"], titles, model)
        for stimuli, rows in mine["regions"].groupby("stimuli", sort=False) if "regions" in mine else ():
            card, items = run.card(str(stimuli)), run.items(str(stimuli))
            drawn[f"regions-{stimuli}-{model}"] = draw_regions(rows, items, card, f"{stimuli}, {model}")
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in an APA paragraph how many predictions came true; every number comes from the tables."""
    return paragraphs(tables, {"predictions": predictions}, heading=["model"])
