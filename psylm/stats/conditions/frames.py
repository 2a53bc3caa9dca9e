"""How often one completion of a frame is more probable than the others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from psylm.stats.inference.intervals import proportion_interval
from psylm.stats.inference.one_model import check_one


def competitors(card: dict[str, Any]) -> str | None:
    """Return the last factor that varies within items: its first level competes with the others."""
    within = [factor for factor in card["factors"] if factor not in card["between"]]
    return within[-1] if within else None


def frame_preferences(trials: pd.DataFrame, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Count how often the first level of the last factor within items is more probable than every other level of it.

    Parameters
    ----------
    trials
        One row an item and condition, with `cloze`, and `rank` where it was measured.
    card
        The set's card: its factors, and the published figures to compare with.

    Yields
    ------
    dict
        One row of the table a share of frames, with its interval (Wilson 1927); none for sets without such a factor.
    """
    check_one(trials, ["item", "condition", *card["factors"]])
    factor = competitors(card)
    if factor is None:
        return
    best, others = card["factors"][factor][0], card["factors"][factor][1:]
    rest = [name for name in card["factors"] if name != factor]
    wide = trials.pivot_table(index=["item", *rest], columns=factor, values="cloze", sort=False).dropna()
    if best not in wide or not set(others) <= set(wide.columns):
        return
    preferred = wide[best] > wide[others].max(axis=1)
    cells = [("all", preferred)]
    if rest:
        keys = preferred.index.droplevel("item")
        cells += [
            ("/".join(levels), preferred[[_levels(key) == levels for key in keys]])
            for levels in product(*(card["factors"][name] for name in rest))
        ]
    for condition, hits in cells:
        share, low, high = proportion_interval(int(hits.sum()), len(hits))
        yield {
            "who": "", "measure": f"{best} above {' and '.join(others)}", "condition": condition,
            "estimate": share, "low": low, "high": high, "n": len(hits), "source": "this run",
        }  # fmt: skip
    if "rank" in trials:
        ranks = trials.loc[trials[factor] == best, "rank"].dropna()
        for most in (1, 5):
            share, low, high = proportion_interval(int((ranks <= most).sum()), len(ranks))
            yield {
                "who": "", "measure": f"{best} of rank {most} or better", "condition": "all",
                "estimate": share, "low": low, "high": high, "n": len(ranks), "source": "this run",
            }  # fmt: skip
    for one in card["published"]:
        if one["measure"] == "preference":
            yield {
                "who": one["who"], "measure": f"{best} above {' and '.join(others)}",
                "condition": one["condition"] or "all", "estimate": one["value"], "low": math.nan,
                "high": math.nan, "n": one["n"], "source": one["source"],
            }  # fmt: skip


def _levels(key: object) -> tuple[str, ...]:
    return tuple(key) if isinstance(key, tuple) else (str(key),)
