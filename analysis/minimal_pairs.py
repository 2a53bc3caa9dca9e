"""Does the model prefer the good sentence of a pair? Accuracy and margin by method, set and phenomenon.

For sets with a factor `acceptability` whose first level is the good one. Each measure that the run has gives one way to
compare a pair: whole sentences (`sentence_surprisal`, `pseudo_log_likelihood`), the critical word (`surprisal` of the
target; where both sentences begin alike, this is the one-prefix method), the measures of `acceptability`, and what the
model answers when it is asked (`metalinguistic`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from psylm.figures.forest import proportions
from psylm.figures.style import DOUBLE, new_figure
from psylm.prose.apa import count, interval, number, percent, share
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.inference.intervals import mean_interval, proportion_interval

REQUIRES = ()

BITS = 1 / math.log(2)
SENTENCE_METHODS = {
    "sentence_surprisal": ("whole sentence", -1.0),
    "pseudo_log_likelihood": ("pseudo-log-likelihood", BITS),
    "mean_lp": ("MeanLP", BITS),
    "pen_lp": ("PenLP", BITS),
    "norm_lp_div": ("NormLP (Div)", 1.0),
    "norm_lp_sub": ("NormLP (Sub)", BITS),
    "slor": ("SLOR", BITS),
    "metalinguistic": ("asked", BITS),
}
"""For each measure of a sentence, the method's name and what turns its values into bits, more being better."""

METHODS_IN_WORDS = {
    "whole sentence": "the surprisal of whole sentences",
    "one prefix": "surprisal after the same prefix",
    "critical word": "the surprisal of the critical word",
    "asked": "its answer when asked",
}
"""What a sentence calls a method, where not by its name."""

UNITLESS = "NormLP (Div)"

DRAWN = ("whole sentence", "pseudo-log-likelihood", "one prefix", "critical word", "SLOR", "asked")
"""Methods that a figure shows: one of each kind. The tables have all."""


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute accuracy and margin for each set and method, and accuracy by phenomenon."""
    margins = pd.concat(
        [pd.DataFrame(columns=["model", "stimuli", "phenomenon", "method", "item", "margin"]), *_margins(run)]
    )
    keys = ["model", "stimuli", "phenomenon", "method"]
    by_set = [dict(zip(keys, key, strict=True)) | _row(rows) for key, rows in margins.groupby(keys, sort=False)]
    keys = ["model", "phenomenon", "method"]
    by_phenomenon = [dict(zip(keys, key, strict=True)) | _row(rows) for key, rows in margins.groupby(keys, sort=False)]
    keys = ["model", "method"]
    by_phenomenon += [
        dict(zip(keys, key, strict=True)) | {"phenomenon": "all"} | _row(rows)
        for key, rows in margins.groupby(keys, sort=False)
    ]
    return {"accuracy": pd.DataFrame(by_set), "phenomena": pd.DataFrame(by_phenomenon)}


def _margins(run: Run) -> Iterator[pd.DataFrame]:
    """Yield the margin of every pair, in bits, by every method that the run allows."""
    for model, stimuli in product(run.model_names, run.stimulus_names):
        card = run.card(stimuli)
        if "acceptability" not in card["factors"]:
            continue
        items = run.items(stimuli)
        if "phenomenon" not in items:
            items = items.assign(phenomenon=stimuli.rpartition("/")[2])
        good, bad = card["factors"]["acceptability"][:2]
        results = run.results
        mine = results[(results["model"] == model) & (results["stimuli"] == stimuli)]
        for method, scores in _scores(mine, items):
            scored = items.astype({"item": "string", "condition": "string"}).merge(scores, on=["item", "condition"])
            wide = scored.pivot(index="item", columns="acceptability", values="score")
            if not {good, bad} <= set(wide.columns):
                continue
            margin = (wide[good] - wide[bad]).dropna().rename("margin").reset_index()
            phenomena = scored.drop_duplicates("item")[["item", "phenomenon"]]
            yield margin.merge(phenomena, on="item").assign(model=model, stimuli=stimuli, method=method)


def _scores(results: pd.DataFrame, items: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield methods and their score of each sentence: `item, condition, score`."""
    for measure, (method, factor) in SENTENCE_METHODS.items():
        rows = results[(results["measure"] == measure) & results["region"].isin(["sentence", "target"])]
        if len(rows):
            yield method, rows.assign(score=rows["value"] * factor)[["item", "condition", "score"]]
    rows = results[(results["measure"] == "surprisal") & (results["region"] == "target")]
    if len(rows):
        before = pd.Series(
            [context + sentence[:start] for context, sentence, start in
             zip(items["context"], items["sentence"], items["start"], strict=True)], index=items.index,
        )  # fmt: skip
        alike = (before.groupby(items["item"]).nunique() == 1).all()
        method = "one prefix" if alike else "critical word"
        yield method, rows.assign(score=-rows["value"])[["item", "condition", "score"]]


def _row(rows: pd.DataFrame) -> dict[str, Any]:
    """Accuracy, a tie counting half, and the mean margin in bits."""
    hits = (rows["margin"] > 0).sum() + (rows["margin"] == 0).sum() / 2
    share, low, high = proportion_interval(float(hits), len(rows))
    mean, margin_low, margin_high = mean_interval(rows["margin"].astype(float))
    return {
        "estimate": share, "low": low, "high": high, "margin": mean, "margin_low": margin_low,
        "margin_high": margin_high, "n": len(rows),
    }  # fmt: skip


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw accuracy by set, or by phenomenon within a single set, for each model."""
    drawn: dict[str, Drawn] = {}
    accuracy = tables["accuracy"]
    for model, rows in accuracy[accuracy["method"].isin(DRAWN)].groupby("model", sort=False):
        several = rows["stimuli"].nunique() > 1
        name = rows["stimuli"].str.rpartition("/")[2] if several else rows["phenomenon"]
        if several and rows.groupby("stimuli")["phenomenon"].nunique().max() > 1:
            name = name + ": " + rows["phenomenon"]
        people = rows["stimuli"].map({stimuli: _people(run, stimuli) for stimuli in rows["stimuli"]})
        rows = rows.assign(name=name.str.replace("_", " "), human=people)
        methods = list(dict.fromkeys(rows["method"]))
        figure, panels = new_figure(DOUBLE * 0.7, 0.8 + rows["name"].nunique() * (0.16 + 0.08 * len(methods)))
        axes = proportions(rows, "name", hue="method", groups=methods, chance=0.5, axes=panels[0])
        axes.set_xlabel("Pairs in which the good sentence is preferred (share)")
        if len(methods) > 1 or people.notna().any():
            handles, names = axes.get_legend_handles_labels()
            figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 4))
        low, high = int(rows["n"].min()), int(rows["n"].max())
        drawn[f"accuracy-{model}"] = Drawn(
            figure,
            f"Accuracy of {model} on minimal pairs ({', '.join(methods)}), with 95% Wilson intervals; a tie counts "
            f"half. Dashed: chance. n = {low if low == high else f'{low} to {high}'} pairs a row."
            + (f" Diamonds: people ({_source(run, rows['stimuli'])})." if people.notna().any() else ""),
        )
    return drawn


def _people(run: Run, stimuli: str) -> float:
    """Return the published accuracy of people on a set; NaN where its card has none."""
    return next((one["value"] for one in _published(run, stimuli)), math.nan)


def _source(run: Run, sets: pd.Series) -> str:
    return "; ".join(dict.fromkeys(one["source"] for stimuli in sets for one in _published(run, stimuli)))


def _published(run: Run, stimuli: str) -> list[dict[str, Any]]:
    return [one for one in run.card(stimuli)["published"] if (one["measure"], one["who"]) == ("accuracy", "people")]


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say in an APA paragraph how often the good sentence was preferred; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    every = tables["phenomena"]
    for row in every[every["phenomenon"] == "all"].to_dict("records"):
        unit = "" if row["method"] == UNITLESS else " bits"
        chance = "above" if row["low"] > 0.5 else "below" if row["high"] < 0.5 else "not significantly different from"
        said.setdefault(row["model"], []).append(
            f"By {METHODS_IN_WORDS.get(row['method'], row['method'])}, the model preferred the good sentence in "
            f"{share(row['estimate'], row['low'], row['high'], count(row['n'], 'pair'))}, {chance} chance (50%); "
            f"the mean margin was {number(row['margin'])}{unit}, "
            f"{interval(row['margin_low'], row['margin_high'])}."
        )
    for model, sentences in said.items():
        sentences += _extremes(every[(every["model"] == model) & (every["phenomenon"] != "all")])
    return said


def _extremes(rows: pd.DataFrame) -> Iterator[str]:
    """Of one method of each kind, the phenomena with the highest and the lowest accuracy, where they differ."""
    for method, mine in rows[rows["method"].isin(DRAWN)].groupby("method", sort=False):
        if mine["estimate"].nunique() > 1:
            best, worst = mine.loc[mine["estimate"].idxmax()], mine.loc[mine["estimate"].idxmin()]
            yield (
                f"By {METHODS_IN_WORDS.get(method, method)}, accuracy was highest for {best['phenomenon']} "
                f"({percent(best['estimate'])}) and lowest for {worst['phenomenon']} ({percent(worst['estimate'])})."
            )
