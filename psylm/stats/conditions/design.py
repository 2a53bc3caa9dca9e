"""Conditions of a factorial design: their means, and the contrasts between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import combinations, product
from typing import Any

import pandas as pd

from psylm.common.errors import InputError
from psylm.stats.inference.anova import anova
from psylm.stats.inference.intervals import Estimate, independent_contrast, mean_interval, paired_contrast
from psylm.stats.inference.one_model import check_one

Factors = dict[str, list[str]]
Cell = Callable[[dict[str, str]], pd.Series]
Contrast = tuple[str, dict[str, str], Estimate, str]


def condition_table(trials: pd.DataFrame, factors: Factors, measures: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Give the mean of each measure in each condition, with its 95% interval by items.

    Parameters
    ----------
    trials
        One row an item and condition (levels joined by `/`), with a column a measure.
    factors
        Each factor's levels, in order.
    measures
        Columns; those that are absent are left out.

    Raises
    ------
    InputError
        Rows of several models.
    """
    check_one(trials, ["item", "condition", *factors])
    for levels in product(*factors.values()):
        rows = trials[trials["condition"] == "/".join(levels)]
        for measure in measures:
            if measure in rows:
                mean, low, high = mean_interval(rows[measure])
                n = int(rows[measure].notna().sum())
                yield {
                    "condition": "/".join(levels), "measure": measure, "mean": mean, "low": low, "high": high,
                    "sd": float(rows[measure].std()), "n": n,
                }  # fmt: skip


def contrast_table(
    trials: pd.DataFrame, factors: Factors, between: list[str], measure: str
) -> Iterator[dict[str, Any]]:
    """Give the simple effects of every factor at each level of the others, and the interactions of two factors.

    Parameters
    ----------
    trials
        One row an item and condition, with the measure as a column.
    factors
        Each factor's levels, in order; a contrast is an earlier level minus a later one.
    between
        Factors that vary between items: Welch's test; the others: paired by item.
    measure
        The column.

    Raises
    ------
    InputError
        Rows of several models.
    """
    check_one(trials, ["item", "condition", *factors])
    wide = trials.pivot_table(index="item", columns="condition", values=measure, sort=False)

    def cell(levels: dict[str, str]) -> pd.Series:
        name = "/".join(levels[factor] for factor in factors)
        return wide[name].dropna() if name in wide else pd.Series(dtype=float)

    for name, at, estimate, design in (*_simple(factors, between, cell), *_interactions(factors, between, cell)):
        where = ", ".join(f"{factor} {level}" for factor, level in at.items())
        yield {"contrast": name, "at": where, "measure": measure, "design": design} | asdict(estimate)


def anova_table(trials: pd.DataFrame, factors: Factors, between: list[str], measure: str) -> Iterator[dict[str, Any]]:
    """Test the main effects and interactions of all factors by items, as `psylm.stats.inference.anova.anova` does.

    Parameters
    ----------
    trials
        One row an item and condition, with a column a factor and the measure.
    factors, between, measure
        As in `contrast_table`.

    Yields
    ------
    dict
        One row of the table an effect; none for too few items, as in a dry run.

    Raises
    ------
    InputError
        Rows of several models.
    """
    check_one(trials, ["item", *factors])
    try:
        table = anova(
            trials, measure, "item", within=[name for name in factors if name not in between], between=between
        )
    except InputError:
        return
    for row in table.to_dict("records"):
        yield {"effect": row["effect"], "measure": measure} | {str(name): value for name, value in row.items()}


def _simple(factors: Factors, between: list[str], cell: Cell) -> Iterator[Contrast]:
    for factor, levels in factors.items():
        for at in _settings(factors, factor):
            for first, second in combinations(levels, 2):
                a, b = cell(at | {factor: first}), cell(at | {factor: second})
                if factor in between:
                    yield f"{first} − {second}", at, independent_contrast(a, b), "between items, Welch"
                else:
                    yield f"{first} − {second}", at, paired_contrast(a - b), "within items, paired"


def _interactions(factors: Factors, between: list[str], cell: Cell) -> Iterator[Contrast]:
    """Differences of differences; the inner difference is taken within items, so two factors between have none."""
    for pair in combinations(factors, 2):
        outer, inner = pair if pair[1] not in between else pair[::-1]
        if inner in between:
            continue
        for at in _settings(factors, outer, inner):
            for (a, b), (c, d) in product(combinations(factors[outer], 2), combinations(factors[inner], 2)):
                first = cell(at | {outer: a, inner: c}) - cell(at | {outer: a, inner: d})
                second = cell(at | {outer: b, inner: c}) - cell(at | {outer: b, inner: d})
                name = f"({c} − {d}) {a} − ({c} − {d}) {b}"
                if outer in between:
                    estimate = independent_contrast(first, second)
                    yield name, at, estimate, "between items, Welch, of differences within items"
                else:
                    yield name, at, paired_contrast(first - second), "within items, paired"


def _settings(factors: Factors, *varied: str) -> Iterator[dict[str, str]]:
    """Give every combination of levels of the factors that are held fixed."""
    others = {name: levels for name, levels in factors.items() if name not in varied}
    for levels in product(*others.values()):
        yield dict(zip(others, levels, strict=True))
