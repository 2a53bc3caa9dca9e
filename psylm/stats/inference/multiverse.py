"""One stated analysis under every reasonable choice of measure, model and aggregation: a multiverse."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.intervals import Estimate
from psylm.stats.inference.multiple import adjusted
from psylm.stats.inference.one_model import check_one
from psylm.stats.inference.result import Result

Analysis = Callable[[pd.DataFrame], Result | Estimate]
Aggregation = str | Callable[[pd.Series], float]

AGGREGATIONS: dict[str, Aggregation] = {"sum": "sum", "mean": "mean", "first word": "first", "highest word": "max"}
"""How the words of a region become one value."""

FIELDS = ("estimate", "low", "high", "statistic", "df", "p", "effect_size", "effect_low", "effect_high", "n")


def multiverse(
    results: pd.DataFrame,
    analysis: Analysis,
    *,
    over: Sequence[str] = ("measure", "model"),
    aggregations: Mapping[str, Aggregation] | None = None,
    unit: Sequence[str] = ("item", "condition"),
    value: str = "value",
) -> pd.DataFrame:
    """Run one analysis on every combination of choices.

    Which analysis it is must be stated before, and does not depend on the choices; the multiverse then shows how much
    the answer depends on them.

    Parameters
    ----------
    results
        The tidy table of a run (or a part of it, for example one region): a row a word and measure.
    analysis
        Takes a table with the columns of `unit` and `value`, and returns what a test of `psylm.stats` returns.
    over
        Columns whose levels are choices.
    aggregations
        How several rows of a unit become one: names, and functions or pandas' names of them. By default the sum, the
        mean, the first and the highest of a region's words. Missing values are left out, and units without any.
    unit
        Columns that tell apart what is analysed.
    value
        Column that is analysed.

    Returns
    -------
    DataFrame
        A row a specification, from the lowest estimate to the highest: the choices, the analysis' estimate, interval,
        test, effect size and n, `p_holm` (for as many tests as there are specifications), and `note` where the analysis
        could not be done. Estimates of different measures have different units: compare their effect sizes.

    Raises
    ------
    InputError
        A column is missing; rows of several models (measures, stimulus sets) that are no choice.

    References
    ----------
    Steegen, S., Tuerlinckx, F., Gelman, A., & Vanpaemel, W. (2016). Increasing transparency through a multiverse
    analysis. Perspectives on Psychological Science, 11, 702-712.

    Examples
    --------
    >>> from psylm.stats.inference.contrasts import contrast
    >>> rows = [("surprisal", model, item, c, item + 2 * (c == "odd") * (item % 2 + shift))
    ...         for model, shift in [("small", 0), ("large", 1)] for item in range(6) for c in ("fitting", "odd")]
    >>> results = pd.DataFrame(rows, columns=["measure", "model", "item", "condition", "value"])
    >>> table = multiverse(results, lambda trials: contrast(trials, "value", "item", {"condition": ("odd", "fitting")}),
    ...                    aggregations={"sum": "sum"})
    >>> table[["model", "estimate"]].to_dict("records")
    [{'model': 'small', 'estimate': 1.0}, {'model': 'large', 'estimate': 3.0}]
    """
    missing = [name for name in (*over, *unit, value) if name not in results]
    if missing:
        raise InputError(
            *(Problem(f"column {name!r}", "no such column", ", ".join(results.columns)) for name in missing)
        )
    check_one(results, [*over, *unit])
    known = results.dropna(subset=[value])
    ways = AGGREGATIONS if aggregations is None else aggregations
    rows = []
    for levels in product(*(known[name].unique() for name in over)):
        part = known
        for name, level in zip(over, levels, strict=True):
            part = part[part[name] == level]
        if part.empty:
            continue
        for way, aggregation in ways.items():
            trials = part.groupby(list(unit), observed=True, sort=False)[value].agg(aggregation).reset_index()
            rows.append(dict(zip(over, levels, strict=True)) | {"aggregation": way} | _analysed(trials, analysis))
    table = pd.DataFrame(rows, columns=[*over, "aggregation", *FIELDS, "note"])
    table["p_holm"] = adjusted(table["p"])
    return table.sort_values("estimate", kind="stable").reset_index(drop=True)


def _analysed(trials: pd.DataFrame, analysis: Analysis) -> dict[str, Any]:
    try:
        found = asdict(analysis(trials))
    except InputError as error:
        return dict.fromkeys(FIELDS, math.nan) | {"note": str(error)}
    return {name: found.get(name, math.nan) for name in FIELDS} | {"note": ""}


def agreement_of(table: pd.DataFrame, column: str = "estimate") -> dict[str, float]:
    """Say how far the specifications of a multiverse agree.

    Parameters
    ----------
    table
        As `multiverse` returns it.
    column
        `estimate`, or `effect_size` where measures have different units.

    Returns
    -------
    dict
        `specifications` that could be analysed; `lowest`, `median` and `highest` estimate; `same_sign`, the share whose
        sign is the median's; `significant`, the share of these with p < .05. The specifications use the same data, so
        these shares are no test.
    """
    done = table[table[column].notna()]
    median = float(done[column].median())
    same = done[column] * median > 0
    return {
        "specifications": len(done), "lowest": float(done[column].min()), "median": median,
        "highest": float(done[column].max()), "same_sign": float(same.mean()),
        "significant": float((same & (done["p"] < 0.05)).mean()),
    }  # fmt: skip
