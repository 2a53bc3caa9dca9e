"""The data of the report's item browser: every trial's texts, scores, human data and completions, bounded in size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from psylm.runs.run import Run

TRIALS = 12_000
"""Trials on the page at most, over all sets: beyond that, items are taken evenly."""

VALUES = 400_000
"""Numbers on the page at most, over all models and sets: beyond that, items are taken evenly."""

WORDS = 5_000
"""Words of a text on the page at most: its first ones."""

COLUMNS = 40
"""Measures of a model on a set at most: the first ones."""

LEVELS = 8
"""A column of the set with more values than that is no category."""

UNITS = {
    "surprisal": "bits", "sentence_surprisal": "bits", "entropy": "bits", "entropy_reduction": "bits",
    "renyi_entropy": "bits", "cloze": "probability", "cloze_candidates": "probability", "log_probability": "nats",
    "pseudo_log_likelihood": "nats", "lp": "nats",
}  # fmt: skip
"""Units of measures, for axes."""

BASE = ("item", "condition", "context", "sentence", "target", "start", "regions", "predictions")
ADDITIVE = ("surprisal", "log_probability")
"""Measures that add up over the words of a target."""


def browser_data(run: Run) -> dict[str, Any]:
    """Collect what the item browser shows, as plain data for JSON.

    Parameters
    ----------
    run
        A complete run.

    Returns
    -------
    dict
        `models`, names; `units` of measures; `sets`, one dict a stimulus set. Within a set, lists run over its trials
        (`trials`); each model has its measures of a trial (`values`), its completions, and its measures of each word,
        or region where no words were scored (`words`; `unit` says which). Missing values are None. At most `TRIALS`
        trials, `VALUES` numbers and `WORDS` words a text; `shown` and `items` say how many of how many items there are.
    """
    results = run.results
    results = results[results["region"] != "token"]
    sizes = {name: run.items(name) for name in run.stimulus_names}
    trials = sum(len(items) for items in sizes.values())
    part = min(1.0, TRIALS / max(trials, 1), VALUES / max(len(results), 1))
    groups = dict(list(results.groupby("stimuli", sort=False)))
    empty = results.iloc[:0]
    return {
        "models": run.model_names,
        "units": UNITS,
        "sets": [_set(run, name, items, groups.get(name, empty), part) for name, items in sizes.items()],
    }


def _set(run: Run, name: str, items: pd.DataFrame, results: pd.DataFrame, part: float) -> dict[str, Any]:
    every = items["item"].unique()
    kept = every[np.linspace(0, len(every) - 1, max(1, math.floor(len(every) * part))).round().astype(int)]
    trials = items[items["item"].isin(kept)].reset_index(drop=True)
    card = run.card(name)
    at = pd.MultiIndex.from_frame(trials[["item", "condition"]].astype(str))
    results = _placed(results, at)
    results = results[_within(results, trials["sentence"])]
    single = _word_rows(results)
    unit, single = ("word", single) if len(single) else ("region", _region_rows(results))
    words, scores = _words(single, len(trials), run.model_names)
    human = run.human(name)
    people, people_words = ({}, {}) if human is None else _people(human, trials, at, words)
    return {
        "name": name,
        "title": card["title"],
        "language": card["language"],
        "about": f"{card['title']}, version {card['version']}, licence {card['licence']}. {card['citation']}",
        "shown": len(kept),
        "items": len(every),
        "cut": bool(words) and max(map(len, words)) == WORDS,
        "trials": {column: trials[column].tolist() for column in BASE[:6]},
        "categories": _categories(trials, card),
        "numbers": _numbers(trials, card),
        "units": {measure: _unit(meaning) for measure, meaning in card["human"].items()},
        "people": people,
        "unit": unit,
        "words": words,
        "people_words": people_words,
        "models": {
            model: {
                "values": _values(rows, len(trials), set(single["measure"]) if unit == "word" else set()),
                "completions": _completions(rows, len(trials)),
                "words": scores.get(model, {}),
            }
            for model in run.model_names
            for rows in [results[results["model"] == model]]
        },
    }


def _unit(meaning: str) -> str:
    """Take the unit from the parentheses at the end of what a human measure means."""
    return meaning.rpartition("(")[2].rstrip(")") if meaning.endswith(")") else ""


def _placed(rows: pd.DataFrame, at: pd.MultiIndex, keys: tuple[str, ...] = ("item", "condition")) -> pd.DataFrame:
    """Add each row's trial, and leave out the rows of others."""
    found = at.get_indexer(pd.MultiIndex.from_frame(rows[list(keys)].astype(str)))
    return rows.assign(trial=found)[found >= 0]


def _values(rows: pd.DataFrame, trials: int, of_words: set[str]) -> dict[str, list[float | None]]:
    """Return the measures of whole trials: those of the target, the sentence, and regions."""
    target = rows["region"] == "target"
    single = (rows["word_id"] < 0) | ~rows["measure"].isin(of_words)
    whole = rows[(target | single) & (rows["region"] != "completion")]
    of_target = set(rows.loc[target, "measure"])
    plain = (whole["region"] == "target") | ((whole["region"] == "sentence") & ~whole["measure"].isin(of_target))
    label = whole["measure"].where(plain, whole["measure"] + " (" + whole["region"] + ")")
    found: dict[str, list[float | None]] = {}
    for name, mine in list(whole.groupby(label, sort=False))[:COLUMNS]:
        by_trial = mine.groupby("trial")["value"]
        # A target of several words has a row a word where all words were scored.
        values = by_trial.sum(min_count=1) if mine["measure"].iloc[0] in ADDITIVE else by_trial.first()
        found[str(name)] = plain_numbers(values.reindex(range(trials)))
    return found


def _completions(rows: pd.DataFrame, trials: int) -> list[list[tuple[str, float | None]]]:
    found: list[list[tuple[str, float | None]]] = [[] for _ in range(trials)]
    rows = rows[rows["region"] == "completion"]
    for trial, word, value in zip(rows["trial"], rows["word"], plain_numbers(rows["value"]), strict=True):
        found[trial].append((word, value))
    return found if len(rows) else []


def _within(results: pd.DataFrame, sentences: pd.Series) -> list[bool]:
    """Say which rows are about the whole trial, its completions, or a word of its sentence; others are about layers."""
    texts = sentences.tolist()
    return [
        number < 0 or region == "completion" or word in texts[trial]
        for number, region, word, trial in zip(
            results["word_id"], results["region"], results["word"], results["trial"], strict=True
        )
    ]


def _word_rows(results: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of measures that were asked for all words: in most trials they have one from the first on."""
    rows = results[(results["word_id"] >= 0) & (results["region"] != "completion")]
    numbers = rows.groupby(["measure", "model", "trial"], sort=False)["word_id"].agg(["size", "max"])
    all_words = (numbers["size"] > 1) & (numbers["size"] == numbers["max"] + 1)
    measures = all_words.groupby(level="measure").mean()
    return rows[rows["measure"].isin(measures[measures > 0.5].index)]


def _region_rows(results: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of regions that a sentence is divided into, numbered as words are."""
    rows = results[(results["word_id"] < 0) & results["measure"].isin(ADDITIVE)]
    rows = rows[~rows["region"].isin(["target", "sentence"])]
    return rows.assign(word_id=rows.groupby(["model", "measure", "trial"]).cumcount())


def _words(
    rows: pd.DataFrame, trials: int, models: Iterable[str]
) -> tuple[list[list[str]], dict[str, dict[str, list[list[float | None]]]]]:
    """Return the words (or regions) of each trial, and each model's measures of them."""
    rows = rows[rows["word_id"] < WORDS].drop_duplicates(["model", "measure", "trial", "word_id"])
    if rows.empty:
        return [], {}
    texts = _by_trial(rows.drop_duplicates(["trial", "word_id"]), "word", "", trials)
    scores = {
        model: {
            str(measure): [plain_numbers(values) for values in _by_trial(one, "value", math.nan, trials)]
            for measure, one in mine.groupby("measure", sort=False)
        }
        for model in models
        for mine in [rows[rows["model"] == model]]
    }
    return [[str(word) for word in words] for words in texts], scores


def _by_trial(rows: pd.DataFrame, column: str, missing: Any, trials: int) -> Iterator[Any]:
    """Yield, for each trial, the column's values by word."""
    lengths = rows.groupby("trial")["word_id"].max().reindex(range(trials), fill_value=-1).to_numpy() + 1
    ends = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.full(ends[-1], missing, dtype=object if missing == "" else float)
    flat[ends[rows["trial"].to_numpy()] + rows["word_id"].to_numpy()] = rows[column].to_numpy()
    for first, last in pairwise(ends):
        yield flat[first:last]


def _people(
    human: pd.DataFrame, trials: pd.DataFrame, at: pd.MultiIndex, words: list[list[str]]
) -> tuple[dict[str, list[float | None]], dict[str, list[list[float | None]]]]:
    """Return human measures of trials, and of words where a row has a `word_id`; means over subjects."""
    keys = ["item", "condition"] if "condition" in human and len(set(trials["condition"])) > 1 else ["item"]
    if keys == ["item"] and not trials["item"].is_unique:
        return {}, {}
    at = at if len(keys) == 2 else pd.MultiIndex.from_frame(trials[["item"]].astype(str))
    rows = _placed(human, at, tuple(keys))
    numbers = pd.to_numeric(rows["word_id"], errors="coerce") if "word_id" in rows else pd.Series(np.nan, rows.index)
    whole = rows[numbers.isna()].groupby(["measure", "trial"], sort=False)["value"].mean()
    single = rows[numbers.notna()].assign(word_id=numbers[numbers.notna()].astype(int))
    means = single.groupby(["measure", "trial", "word_id"], sort=False)["value"].mean()
    places = [(trial, number) for trial, mine in enumerate(words) for number in range(len(mine))]
    of_trials = {
        str(name): plain_numbers(one.droplevel(0).reindex(range(len(trials))))
        for name, one in whole.groupby(level=0, sort=False)
    }
    of_words: dict[str, list[list[float | None]]] = {}
    for name, one in means.groupby(level=0, sort=False) if places else []:
        flat = iter(plain_numbers(one.droplevel(0).reindex(pd.MultiIndex.from_tuples(places))))
        of_words[str(name)] = [[next(flat) for _ in mine] for mine in words]
    return of_trials, of_words


def _categories(trials: pd.DataFrame, card: dict[str, Any]) -> dict[str, list[str]]:
    """Return the columns that divide the trials into a few kinds: the condition, factors, and others of the set."""
    factors = [name for name in card["factors"] if name in trials]
    names = [*(["condition"] if len(factors) != 1 else []), *factors]
    names += [
        name for name in trials if name not in (*BASE, *names) and not pd.api.types.is_numeric_dtype(trials[name])
    ]
    return {str(name): trials[name].astype(str).tolist() for name in names if 2 <= trials[name].nunique() <= LEVELS}


def _numbers(trials: pd.DataFrame, card: dict[str, Any]) -> dict[str, list[float | None]]:
    """Return the set's own numbers, published surprisals by the name of their model."""
    names = [
        name for name in trials
        if name not in (*BASE, *card["factors"]) and pd.api.types.is_numeric_dtype(trials[name])
        and not str(name).endswith("_multitoken") and trials[name].nunique() > 1
    ]  # fmt: skip
    labels = {name: f"published surprisal of {who}" for name, who in card["references"].items()}
    return {labels.get(name, str(name)): plain_numbers(trials[name]) for name in names[:COLUMNS]}


def plain_numbers(values: Iterable[float]) -> list[float | None]:
    """Write numbers to five digits that count; what is missing or infinite is None.

    Examples
    --------
    >>> plain_numbers([8.0610259, 48.0, float("nan"), 1e-7 / 3])
    [8.061, 48, None, 3.3333e-08]
    """
    numbers = (float(f"{value:.5g}") if math.isfinite(value) else None for value in values)
    return [int(one) if one is not None and one == int(one) else one for one in numbers]
