"""Sentences of a results section about what attention selects, from the tables of `psylm.stats.attention.tables`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from psylm.prose.apa import ALPHA, count, interval, listing, number, p_value, statistic
from psylm.stats.attention.tables import BEST


def selectivity(rows: pd.DataFrame) -> Iterator[str]:
    """Say whether attention favours the target."""
    for row in rows[rows["kind"] == "weights"].to_dict("records"):
        who = "all heads on average" if row["heads"] == "all" else "the most selective head, judged by other items"
        which = ""
        if row["heads"] == "best":
            name = f"{row['best_layer']:.0f}.{row['best_head']:.0f}"
            which = f" (most often {name}, in {row['agreement']:.0%} of folds)"
        toward = "the target" if row["estimate"] > 0 else "the distractor"
        if not row["p"] < ALPHA:
            toward = "neither target nor distractor"
        yield f"Attention of {who}{which} favoured {toward}: selectivity {_estimate(row)}, {p_value(row['p'])}."


def effects(rows: pd.DataFrame) -> Iterator[str]:
    """Say what the factors did to selectivity."""
    for row in rows[rows["kind"].isin(["weights", BEST]) & rows["p"].notna()].to_dict("records"):
        verb = "differed" if row["p_holm"] < ALPHA else "did not differ significantly"
        which = "of the best head" if row["kind"] == BEST else "of all heads"
        yield (
            f"Selectivity {which} {verb} between levels of {row['factor'].replace('_', ' ')} ({row['contrast']}: "
            f"{_estimate(row)}, {p_value(row['p_holm'])}, Holm)."
        )


def controls(rows: pd.DataFrame) -> Iterator[str]:
    """Compare selectivity with that of controls."""
    parts = [
        f"{row['control']} ({number(row['mean'], bounded=True)}; difference {_estimate(row)}, {p_value(row['p_holm'])})"
        for row in rows.to_dict("records")
    ]
    yield f"Selectivity of all heads was compared with that of controls: {listing(parts, ';')}."


def links(rows: pd.DataFrame) -> Iterator[str]:
    """Say which selectivity predicted the margin, and which did not."""
    for sure, verb in ((True, "predicted"), (False, "did not predict")):
        parts = []
        for row in rows[(rows["p_holm"] < ALPHA) == sure].to_dict("records"):
            test = (
                f"{interval(row['low'], row['high'])}, {statistic('t', row['statistic'], row['df'])}, " if sure else ""
            )
            slope = f"{number(row['estimate'])} bits per SD, {test}{p_value(row['p_holm'])}"
            parts.append(f"{row['predictor'].replace('_', ' ')}, {_differences(row['differences'])} ({slope})")
        if parts:
            yield f"Selectivity {verb} the margin item by item (mixed models, Holm): {listing(parts, ';')}."


def _differences(which: str) -> str:
    return "over all conditions" if which == "all" else which


def heads(rows: pd.DataFrame) -> Iterator[str]:
    """Say how many heads' selectivity went with the margin."""
    linked, clearest = rows[rows["link_p_max"] < ALPHA], rows.sort_values(["link_p_max", "link_p"]).iloc[0]
    yield (
        f"After correction for all {len(rows)} heads, the selectivity of {count(len(linked), 'head')} went with the "
        f"margin within conditions; the clearest link was that of head {clearest['layer']:.0f}.{clearest['head']:.0f}, "
        f"r = {number(clearest['link'], bounded=True)}, corrected {p_value(clearest['link_p_max'])}."
    )


def kinds(rows: pd.DataFrame) -> Iterator[str]:
    """Say how far kinds of attention agree."""
    parts = [
        f"{row['kind']} and {row['with']} (ρ = {number(row['estimate'], bounded=True)})".replace("_", " ")
        for row in rows.to_dict("records")
    ]
    yield f"Rank correlations over items between ways to measure attention: {listing(parts, ';')}."


def _estimate(row: dict[Any, Any]) -> str:
    t = "" if pd.isna(row["statistic"]) else f", {statistic('t', row['statistic'], row['df'])}"
    return f"{number(row['estimate'], bounded=True)}, {interval(row['low'], row['high'], bounded=True)}{t}"


def mediation(rows: pd.DataFrame) -> Iterator[str]:
    """Say how much of a factor's effect on the margin goes through selectivity."""
    moved = (rows["low"] != 0) | (rows["high"] != 0)  # not so where both sentences are the same as far as is read
    for row in rows[rows["predictor"].isin([BEST, "weights"]) & moved].to_dict("records"):
        which = "of the best head" if row["predictor"] == BEST else "of all heads"
        yield (
            f"Of the effect of {row['factor'].replace('_', ' ')} on the margin ({row['contrast']}, "
            f"{number(row['total'])} bits), {number(row['estimate'])} bits, {interval(row['low'], row['high'])}, "
            f"went with selectivity {which}."
        )


TELL: dict[str, Callable[[pd.DataFrame], Iterator[str]]] = {
    "selectivity": selectivity,
    "effects": effects,
    "controls": controls,
    "links": links,
    "heads": heads,
    "mediation": mediation,
    "kinds": kinds,
}
"""What says each table, in the order of the paragraph."""
