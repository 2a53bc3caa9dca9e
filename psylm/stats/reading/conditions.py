"""Amplitudes and surprisal by condition, for sets of words whose conditions are those of a factorial design."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.stats.conditions.design import condition_table, contrast_table
from psylm.stats.reading.observations import Observations

OF_MODEL = "surprisal of "
"""What a model's surprisal is called beside the amplitudes in a table of conditions."""


def by_condition(found: Observations, card: dict[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """Return responses and surprisals by item and condition.

    Parameters
    ----------
    found : Observations
        Words that people were measured at.
    card : dict
        The set's card, with its factors.

    Returns
    -------
    trials, columns
        A row a word, with a column a factor; and the columns of responses and of models' surprisals, by the names that
        tables use.
    """
    names = {f"human_{name}": name for name in found.responses}
    names |= {one.columns[0]: OF_MODEL + one.name for one in found.models}
    trials = found.data.rename(columns=names)
    levels = trials["condition"].str.split("/", expand=True)
    return trials.assign(**{factor: levels[number] for number, factor in enumerate(card["factors"])}), [*names.values()]


def condition_rows(found: Observations, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the mean of each response and surprisal in each condition; none for sets without factors."""
    if card["factors"]:
        trials, measures = by_condition(found, card)
        yield from condition_table(trials, card["factors"], tuple(measures))


def contrast_rows(found: Observations, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the contrasts between conditions in each response and surprisal; none for sets without factors."""
    if card["factors"]:
        trials, measures = by_condition(found, card)
        for measure in measures:
            yield from contrast_table(trials, card["factors"], card["between"], measure)
