"""Whether the predictions of a syntactic test suite are true of a model, and its surprisal by region."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.runs.run import Run
from psylm.stats.inference.intervals import mean_interval, proportion_interval, within_intervals
from psylm.stimuli.predictions import ALL, evaluate, parse, places
from psylm.stimuli.regions import parse_regions


def region_rows(surprisals: dict[tuple[str, str], pd.Series]) -> Iterator[dict[str, Any]]:
    """Give each region's mean and its intervals by items: of the mean, and for comparing conditions within items."""
    for region in dict.fromkeys(region for region, _ in surprisals if region != ALL):
        wide = pd.DataFrame({condition: one for (name, condition), one in surprisals.items() if name == region})
        within = within_intervals(wide)
        for condition, one in wide.items():
            mean, low, high = mean_interval(one)
            yield {
                "region": region, "condition": condition, "estimate": mean, "low": low, "high": high,
                "within_low": within.loc[str(condition), "low"], "within_high": within.loc[str(condition), "high"],
                "n": int(one.notna().sum()),
            }  # fmt: skip


def surprisals(run: Run, model: str, stimuli: str) -> dict[tuple[str, str], pd.Series]:
    """Return the surprisal of each region and condition, by item; of all regions together as well."""
    names = {str(region.name) for cell in run.items(stimuli)["regions"] for region in parse_regions(cell)}
    rows = run.scores(model=model, stimuli=stimuli, measure="surprisal", region=names)
    wide = rows[rows["word_id"] == -1].pivot(index="item", columns=["region", "condition"], values="value")
    cells: list[Any] = wide.columns.tolist()
    found = {(region, condition): wide[region, condition] for region, condition in cells}
    for condition in dict.fromkeys(condition for _, condition in found):
        regions = [one for (_, other), one in found.items() if other == condition]
        found[ALL, condition] = pd.concat(regions, axis=1).sum(axis=1, skipna=False)
    return found


def prediction_row(text: str, surprisals: dict[tuple[str, str], pd.Series]) -> dict[str, Any]:
    """Evaluate a prediction on the items for which everything it speaks of has a value."""
    formula = parse(text)
    needed = dict.fromkeys(places(formula))
    if not needed.keys() <= surprisals.keys():
        return {"estimate": math.nan, "low": math.nan, "high": math.nan, "n": 0, "formula": text}
    whole = pd.concat({place: surprisals[place] for place in needed}, axis=1).dropna()
    hits = evaluate(formula, {place: whole[place] for place in needed})
    share, low, high = proportion_interval(int(hits.sum()), len(hits))
    return {"estimate": share, "low": low, "high": high, "n": len(hits), "formula": text}
