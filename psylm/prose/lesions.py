"""Sentences of a results section about lesions: dose and response, random controls, and what came apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from psylm.prose.apa import interval, listing, number, p_value, sentence, statistic
from psylm.stats.lesions.tasks import INTACT


def doses(table: pd.DataFrame, slopes: pd.DataFrame) -> Iterator[str]:
    """Say how well the intact model chose, and what the largest dose of each lesion left of that.

    Parameters
    ----------
    table
        Performance of one model: rows of `psylm.stats.lesions.dissociation.performance` with `name`, `dose`, `unit`,
        `chance`.
    slopes
        Rows of `psylm.stats.lesions.dissociation.slopes`.
    """
    intact = table[table["lesion"] == INTACT]
    if len(intact):
        parts = [
            f"{number(row['estimate'], bounded=True)} of {row['n']} items of {row['task']} "
            f"({interval(row['low'], row['high'], bounded=True)}, chance {number(row['chance'], bounded=True)})"
            for row in intact.to_dict("records")
        ]
        yield f"The intact model chose right in {listing(parts)}."
    for name, rows in table[(table["lesion"] != INTACT) & (table["unit"] != "")].groupby("name", sort=False):
        worst = rows[rows["dose"] == rows["dose"].max()]
        parts = [f"{number(row['estimate'], bounded=True)} on {row['task']}" for row in worst.to_dict("records")]
        mine = slopes[slopes["kind"] == name]
        tests = [
            f"{row['task']} {number(row['estimate'])} ({interval(row['low'], row['high'])}, "
            f"{statistic('t', row['t'], row['df'])}, {p_value(row['p'])})"
            for row in mine.to_dict("records")
        ]
        yield sentence(
            f"{name}: at the largest dose ({number(worst['dose'].iloc[0])} {worst['unit'].iloc[0]}) "
            f"{listing(parts)}; slope {listing(tests)}"
        )


def controls(table: pd.DataFrame) -> Iterator[str]:
    """Say where targeted lesions stand among random ones of as many heads.

    Parameters
    ----------
    table
        Rows of one model: `task`, `name`, `dose`, and what `psylm.stats.lesions.dissociation.among_controls` tells.
    """
    for (name, _), rows in table.groupby(["name", "dose"], sort=False) if len(table) else ():
        parts = [
            f"{row['task']} {number(row['estimate'], bounded=True)} (random: {number(row['mean'], bounded=True)}, from "
            f"{number(row['lowest'], bounded=True)} to {number(row['highest'], bounded=True)}; percentile "
            f"{row['percentile']:.0f})"
            for row in rows.to_dict("records")
        ]
        yield sentence(
            f"{name}, {number(100 * rows['dose'].iloc[0], 0)}% of heads, among {rows['draws'].iloc[0]} random lesions "
            f"of that size: {listing(parts)}"
        )


def dissociations(table: pd.DataFrame) -> Iterator[str]:
    """Report the number of double dissociations and each of them; without any, the largest interaction.

    Parameters
    ----------
    table
        Rows of `psylm.stats.lesions.dissociation.dissociations` of one model.
    """
    if table.empty:
        return
    apart = table[table["crossover"] & (table["p_holm"] < 0.05)]
    yield (
        f"Of {len(table)} comparisons of two lesions of like severity on two tasks, {len(apart)} "
        f"{'is a' if len(apart) == 1 else 'are'} double dissociation{'' if len(apart) == 1 else 's'} (a crossover with "
        "both simple effects' 95% intervals off zero, and an interaction significant after Holm's correction)."
    )
    shown = apart if len(apart) else table.assign(size=table["interaction"].abs()).sort_values("size").tail(1)
    for row in shown.to_dict("records"):
        yield sentence(
            f"{row['strength_1']} against {row['strength_2']}: {row['task_a']} {number(row['effect_a'])} "
            f"({interval(row['effect_a_low'], row['effect_a_high'])}), {row['task_b']} {number(row['effect_b'])} "
            f"({interval(row['effect_b_low'], row['effect_b_high'])}), interaction {interaction(row)}"
        )


def interaction(row: Mapping[Hashable, Any] | pd.Series) -> str:
    """Write the interaction of two lesions and two tasks with its interval and test.

    Parameters
    ----------
    row
        A row of `psylm.stats.lesions.dissociation.dissociations`.

    Examples
    --------
    >>> interaction({"interaction": 0.4, "interaction_low": 0.2, "interaction_high": 0.6, "z": 3.9, "p_holm": 0.002})
    "0.40, 95% CI [0.20, 0.60] by bootstrap over items and draws, z = 3.90, p = .002 after Holm's correction"
    """
    return (
        f"{number(row['interaction'])}, {interval(row['interaction_low'], row['interaction_high'])} by bootstrap over "
        f"items and draws, {statistic('z', row['z'])}, {p_value(row['p_holm'])} after Holm's correction"
    )
