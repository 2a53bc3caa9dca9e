"""Margins of the minimal pairs of a factorial design, and what other factors do to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.runs.run import Run
from psylm.stats.conditions.pairs import Pairs, main_effects, margin_table, pair_up
from psylm.stats.inference.anova import anova

SENTENCES = {"good": "grammatical", "bad": "ungrammatical"}


def dependency_pairs(run: Run, model: str, stimuli: str) -> Pairs | None:
    """Return the pairs of a set with the surprisal of their targets."""
    scores = run.scores(model=model, stimuli=stimuli, measure="surprisal", region="target")
    scores = scores[["item", "condition", "value"]].rename(columns={"value": "surprisal"})
    card = run.card(stimuli)
    return pair_up(run.items(stimuli), card["factors"], card["between"], scores)


def margin_rows(pairs: Pairs) -> Iterator[dict[str, Any]]:
    """Margins and accuracy of all pairs, by condition, and by group of items."""
    yield from margin_table(pairs.table, list(pairs.factors))
    for group in pairs.groups:
        for level, rows in pairs.table.groupby(group, sort=False):
            whole, *_ = margin_table(rows, [])
            yield whole | {"condition": f"{group}: {level}"}


def effect_rows(pairs: Pairs) -> Iterator[dict[str, Any]]:
    """Effects of the other factors on the margin, on the surprisal of either sentence, and on the margin by group."""
    for column, of in {"margin": "margin", **SENTENCES}.items():
        for row in main_effects(pairs.table, pairs.factors, column):
            yield {"of": of, "at": "all"} | row
    for group in pairs.groups:
        for level, rows in pairs.table.groupby(group, sort=False):
            for row in main_effects(rows, pairs.factors, "margin"):
                yield {"of": f"margin by {group}", "at": str(level)} | row
    for factor, levels in pairs.factors.items():
        for level in levels:
            others = {name: of for name, of in pairs.factors.items() if name != factor}
            for row in main_effects(pairs.table[pairs.table[factor] == level], others, "margin"):
                yield {"of": f"margin by {factor}", "at": level} | row


def anova_rows(trials: pd.DataFrame, within: list[str]) -> Iterator[dict[str, Any]]:
    """Analysis of variance of surprisal by items (F2)."""
    if trials["item"].nunique() > 2:
        yield from ({str(key): value for key, value in row.items()}
                    for row in anova(trials, "surprisal", "item", within=within).to_dict("records"))  # fmt: skip


def published_rows(card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give published figures of people, as the card has them."""
    for row in card["published"]:
        yield {key: row[key] for key in ("measure", "condition", "who", "value", "source")}
