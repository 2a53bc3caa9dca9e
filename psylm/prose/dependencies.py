"""Sentences of a results section about margins of minimal pairs, and what an attractor or a gap does to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.prose.apa import ALPHA, count, interval, listing, number, p_value, share, statistic
from psylm.prose.paragraphs import records
from psylm.stats.conditions.dependencies import SENTENCES


def margins(rows: pd.DataFrame) -> Iterator[str]:
    """Say how often, and by how much, the grammatical sentence was preferred."""
    whole, *cells = rows[~rows["condition"].str.contains(": ")].to_dict("records")
    yield (
        f"The grammatical sentence was preferred in "
        f"{share(whole['accuracy'], whole['accuracy_low'], whole['accuracy_high'], of=count(whole['n'], 'pair'))}, by "
        f"{number(whole['estimate'])} bits, {interval(whole['low'], whole['high'])}, on average of "
        f"{count(whole['items'], 'item')}."
    )
    if cells:
        parts = [
            f"{number(row['estimate'])} bits in {row['condition']} ({row['accuracy']:.0%} of pairs)" for row in cells
        ]
        yield f"The margin was {listing(parts)}."


def effects(rows: pd.DataFrame) -> Iterator[str]:
    """Say what other factors do to the margin, and in which of the two sentences."""
    for row in records(rows[rows["at"] == "all"]):
        if row["of"] != "margin":
            continue
        first, second = row["contrast"].split(" − ")
        if not row["p_holm"] < ALPHA:
            yield f"The margin did not differ significantly between {first} and {second}, {_test(row)}."
            continue
        more = "larger" if row["estimate"] > 0 else "smaller"
        yield f"The margin was {more} in {first} than in {second} ({row['factor'].replace('_', ' ')}), {_test(row)}."
        for part in records(rows[(rows["factor"] == row["factor"]) & rows["of"].isin(SENTENCES.values())]):
            yield f"In {part['of']} sentences, surprisal in {first} minus that in {second} was {_test(part)}."
    for of, group in rows[rows["of"].str.startswith("margin by")].groupby("of", sort=False):
        for contrast, some in group.groupby("contrast", sort=False):
            parts = [
                f"{row['at']} {number(row['estimate'])} bits ({p_value(row['p_holm'])})"
                for row in some.to_dict("records")
            ]
            by = str(of).removeprefix("margin by ").replace("_", " ")
            yield f"By {by}, {contrast} in the margin was: {listing(parts, ';')}."


def people(rows: pd.DataFrame) -> Iterator[str]:
    """Give published figures of people."""
    for row in rows.to_dict("records"):
        yield f"People, {row['measure']}, {row['condition']}: {number(row['value'], 1)}. {row['source']}"


def _test(row: dict[str, Any]) -> str:
    return (
        f"{number(row['estimate'])} bits, {interval(row['low'], row['high'])}, "
        f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p_holm'])} (Holm), "
        f"d = {number(row['effect_size'])}"
    )
