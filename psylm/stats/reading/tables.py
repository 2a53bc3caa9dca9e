"""Tables of what surprisal predicts of people's processing: what analyses of reading times and of ERPs share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from typing import Any, get_args

import pandas as pd

from psylm.common.errors import InputError
from psylm.stats.inference.intervals import mean_interval
from psylm.stats.inference.multiple import adjusted
from psylm.stats.mixed_models.regression import lagged_effects
from psylm.stats.reading.lexical import KEYS
from psylm.stats.reading.observations import Observations, Predictor
from psylm.stats.reading.predictive import Gain, Link, beyond, gain_of, held_out_gains
from psylm.stats.reading.shape import smooth_effect

ALL, SHARED = "all words", "shared words"

LEAST, LEAST_SHARE = 8, 0.1
"""Words at a position, at least, for its mean to be shown: a number, and a share of those at the fullest position."""


@dataclass(frozen=True)
class Subset:
    """Words that some predictors are compared on.

    Parameters
    ----------
    words
        What the table calls them: `all words` (that every model of the run has a value for), or `shared words` (that
        published models and people have one for, too, and no published model splits).
    data, predictors
        The words, and the predictors, without columns that the baseline determines on these words.
    determined
        Predictors of which the baseline leaves nothing.
    """

    words: str
    data: pd.DataFrame
    predictors: list[Predictor]
    determined: list[Predictor]


def subsets(found: Observations) -> list[Subset]:
    """Return the words that models of the run are compared on, and those that all predictors are compared on."""
    every = _subset(ALL, found, found.models)
    if len(found.predictors) == len(found.models):
        return [every]
    return [every, _subset(SHARED, found, found.predictors)]


def _subset(words: str, found: Observations, predictors: list[Predictor]) -> Subset:
    data = found.complete(predictors)
    if len(data) <= 2 * len(found.baseline):  # too few to say what determines what, and for any regression
        return Subset(words, data, predictors, [])
    own = [replace(one, columns=tuple(beyond(data, found.baseline, one.columns))) for one in predictors]
    kept = [one for one in own if one.columns]
    return Subset(words, data, kept, [one for one, left in zip(predictors, own, strict=True) if not left.columns])


def gain_rows(found: Observations, seed: int) -> Iterator[dict[str, Any]]:
    """Give what each predictor adds to the baseline, on held-out words: a row a response and predictor.

    Yields
    ------
    dict
        `words`, `response`, `predictor` and its `kind`, `spillover` (words before that are part of it), the fields of
        `predictive.Gain`, `mean_surprisal` (bits) and per-word `perplexity` on the same words, `p_holm` over the
        predictors, what was `held_out` together, and a `note` where nothing could be computed.
    """
    for subset in subsets(found):
        for name in found.responses:
            rows = [
                {"words": subset.words, "response": name, "predictor": one.name, "kind": one.kind}
                | {"spillover": len(one.columns) - 1}
                | _gain(subset, found, name, one, seed)
                | _perplexity(subset.data, name, one)
                | {"held_out": found.held_out, "covariates": ", ".join(found.baseline)}
                for one in [*subset.predictors, *subset.determined]
            ]
            yield from _holm(rows)


def _gains(data: pd.DataFrame, found: Observations, response: str, one: Predictor, link: Link, seed: int) -> pd.Series:
    column = f"human_{response}"
    return held_out_gains(data, column, found.baseline, one.columns, group="group", link=link, seed=seed)


def _gain(subset: Subset, found: Observations, response: str, one: Predictor, seed: int) -> dict[str, Any]:
    nothing: dict[str, Any] = {field.name: math.nan for field in fields(Gain)}
    nothing |= {"n": int(subset.data[f"human_{response}"].notna().sum())}
    if one in subset.determined:
        return nothing | {"note": "the baseline determines it"}
    try:
        gains = _gains(subset.data, found, response, one, "linear", seed)
    except InputError as error:  # a design too small for a regression is reported in the table
        return nothing | {"note": str(error)}
    return asdict(gain_of(gains, subset.data.loc[gains.index, "group"], seed=seed)) | {"note": ""}


def _perplexity(data: pd.DataFrame, response: str, one: Predictor) -> dict[str, float]:
    mean = float(data.loc[data[f"human_{response}"].notna(), one.columns[0]].mean())
    return {"mean_surprisal": mean, "perplexity": 2.0**mean}


def _holm(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row, p in zip(rows, adjusted([row["p"] for row in rows]), strict=True):
        yield row | {"p_holm": p}


def pair_rows(found: Observations, seed: int) -> Iterator[dict[str, Any]]:
    """Compare each predictor's gain with each other's on the same held-out words: `difference` is first minus second.

    Yields
    ------
    dict
        A row a response and pair, with interval, p of the paired permutation test, and `p_holm` over the pairs.
    """
    subset = subsets(found)[-1]
    for response in found.responses:
        try:
            gains = {one.name: _gains(subset.data, found, response, one, "linear", seed) for one in subset.predictors}
        except InputError:
            continue  # the table of gains reports it
        rows = []
        for first, second in combinations(gains, 2):
            gain = gain_of(gains[first] - gains[second], subset.data.loc[gains[first].index, "group"], seed=seed)
            row = {"words": subset.words, "response": response, "first": first, "second": second}
            rows.append(row | {("difference" if k.startswith("delta") else k): v for k, v in asdict(gain).items()})
        yield from _holm(rows)


def link_rows(found: Observations, seed: int) -> Iterator[dict[str, Any]]:
    """Compare shapes of the effect of each model's surprisal: gains by link, and each link's against the line's.

    Yields
    ------
    dict
        A row a response, model and link, with the fields of `Gain`, and `minus_linear` with interval and p.
    """
    subset = subsets(found)[0]
    for response in found.responses:
        for one in subset.predictors:
            try:
                by_link = {link: _gains(subset.data, found, response, one, link, seed) for link in get_args(Link)}
            except InputError:
                continue
            for link, gains in by_link.items():
                group = subset.data.loc[gains.index, "group"]
                row = {"response": response, "predictor": one.name, "link": link} | asdict(
                    gain_of(gains, group, seed=seed)
                )
                if link != "linear":
                    more = gain_of(gains - by_link["linear"], group, seed=seed)
                    row |= {
                        "minus_linear": more.delta_log_likelihood, "minus_linear_low": more.low,
                        "minus_linear_high": more.high, "minus_linear_p": more.p,
                    }  # fmt: skip
                yield row


def shape_rows(found: Observations) -> Iterator[dict[str, Any]]:
    """Give the smooth effect of each model's surprisal on each response, a row a point."""
    subset = subsets(found)[0]
    for response in found.responses:
        for one in subset.predictors:
            rows = subset.data.dropna(subset=[f"human_{response}"])
            if len(rows) > 10 * (len(found.baseline) + 5 * len(one.columns)) and rows[one.columns[0]].nunique() > 10:
                curve = smooth_effect(rows, f"human_{response}", found.baseline, one.columns, group="group")
                n = {"n": len(rows), "groups": rows["group"].nunique()}
                yield from _labelled(curve, {"response": response, "predictor": one.name}, n)


def effect_rows(found: Observations) -> Iterator[dict[str, Any]]:
    """Give mixed-model effects of each predictor on each response, at the word and at the words before it.

    Yields
    ------
    dict
        A row a response, predictor and word, as `psylm.stats.mixed_models.regression.lagged_effects` gives it. Where
        people's data name subjects, single observations are fitted, else means over subjects.
    """
    for subset in subsets(found):
        for response in found.responses:
            data, column, subjects = _rows_of(found, subset, response)
            groups = [*_groupings(subset.data.dropna(subset=[f"human_{response}"])), *subjects]
            for one in subset.predictors:
                if groups:
                    effects = lagged_effects(data, column, one.columns, found.baseline, groups)
                    about = {"words": subset.words, "response": response, "predictor": one.name}
                    yield from _labelled(effects, about, {"covariates": ", ".join(found.baseline)})


def _labelled(table: pd.DataFrame, first: dict[str, Any], last: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in table.to_dict("records"):
        yield first | {str(name): value for name, value in row.items()} | last


def _rows_of(found: Observations, subset: Subset, response: str) -> tuple[pd.DataFrame, str, list[str]]:
    if found.single is None:
        return subset.data, f"human_{response}", []
    single = found.single[found.single["measure"] == response][[*KEYS, "subject", "value"]]
    return subset.data.merge(single, on=KEYS), "value", ["subject"]


def _groupings(data: pd.DataFrame) -> list[str]:
    """Return the groupings that differ from one another and have several words a level: sentence, then text."""
    found: list[str] = []
    for name in ("sentence", "text"):
        levels = data[name].nunique()
        if 1 < levels < len(data) and levels not in [data[other].nunique() for other in found]:
            found.append(name)
    return found


def profile_rows(found: Observations) -> Iterator[dict[str, Any]]:
    """Give the mean of each response and of each model's surprisal at each position in a sentence, with intervals."""
    data = found.complete(found.models)
    shown = {f"human_{name}": (name, "response") for name in found.responses}
    shown |= {one.columns[0]: (one.name, "predictor") for one in found.models}
    for column, (name, kind) in shown.items():
        there = data.dropna(subset=[column]).groupby("position")[column]
        least = max(LEAST, LEAST_SHARE * there.size().max()) if len(there) else LEAST
        for position, values in there:
            mean, low, high = mean_interval(values)
            n = len(values)
            if n >= least:
                yield {
                    "measure": name, "kind": kind, "position": position, "mean": mean, "low": low, "high": high, "n": n,
                }  # fmt: skip
