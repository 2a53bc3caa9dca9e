"""Words as observations: what people did at each, and what may predict it, in one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.runs.run import Run
from psylm.stats.reading.folds import blocks, with_previous
from psylm.stats.reading.lexical import KEYS, words_of

PEOPLE = "human cloze surprisal"

FEW = 20
"""With fewer texts than this, blocks of sentences are held out together, not texts."""

BLOCK = 100
"""Words of a block, at least."""


@dataclass(frozen=True)
class Predictor:
    """A kind of surprisal that may predict how words are processed.

    Parameters
    ----------
    name
        Whose it is.
    kind
        A model of the run, a published model, or people's cloze probabilities.
    columns
        Its columns: at the word itself, at the word before, and so on, as far as there are values.
    """

    name: str
    kind: Literal["model", "published", "people"]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Observations:
    """Words that people were measured at.

    Parameters
    ----------
    data
        One row a word: `item`, `condition`, `word_id`, `word`; `text`, `sentence` and `group` (what is held out
        together); each response (the mean over subjects) as `human_NAME`; the baseline's columns and the predictors'.
    responses
        Each response's name and what it means, with its unit.
    baseline
        Columns of what is known to matter: length, log frequency, punctuation after the word (people slow down at the
        ends of clauses and sentences), position, and those of the words before.
    predictors
        Kinds of surprisal.
    held_out
        What a group is, in words.
    single
        Where people's data name subjects: one row an observation (`item, condition, word_id, measure, subject,
        value`).
    """

    data: pd.DataFrame
    responses: dict[str, str]
    baseline: list[str]
    predictors: list[Predictor]
    held_out: str
    single: pd.DataFrame | None

    @property
    def models(self) -> list[Predictor]:
        """Predictors that are models of the run."""
        return [one for one in self.predictors if one.kind == "model"]

    def complete(self, predictors: Iterable[Predictor]) -> pd.DataFrame:
        """Return the words that have all of the baseline and of these predictors."""
        columns = [*self.baseline, *(column for one in predictors for column in one.columns)]
        return self.data.dropna(subset=columns)


def observed(run: Run, *, unit: str, spillover: int) -> dict[str, Observations]:
    """Return the observations of every stimulus set of a run that has human measures in a unit.

    Parameters
    ----------
    run
        The run, with the measure `surprisal`.
    unit, spillover
        As in `observations`.

    Raises
    ------
    InputError
        No set has such measures.
    """
    names = [name for name in run.stimulus_names if responses_in(run.card(name), unit) and run.human(name) is not None]
    if not names:
        expected = f"a set with human data whose meaning on its card ends in ({unit})"
        raise InputError(Problem(f"{run.path}: stimuli", ", ".join(run.stimulus_names), expected))
    return {
        name: observations(
            run.scores(stimuli=name), run.items(name), run.human(name), run.card(name),
            unit=unit, spillover=spillover,
        )
        for name in names
    }  # fmt: skip


def responses_in(card: dict[str, Any], unit: str) -> dict[str, str]:
    """Return the human measures of a set in a unit.

    Examples
    --------
    >>> responses_in({"human": {"rt": "reading time (ms)", "cloze": "share (probability)"}}, "ms")
    {'rt': 'reading time (ms)'}
    """
    return {name: meaning for name, meaning in card["human"].items() if meaning.endswith(f"({unit})")}


def observations(
    results: pd.DataFrame,
    items: pd.DataFrame,
    human: pd.DataFrame | None,
    card: dict[str, Any],
    *,
    unit: str,
    spillover: int,
) -> Observations:
    """Put what people did at each word beside what may predict it.

    Parameters
    ----------
    results
        Rows of a run for one stimulus set, with the measure `surprisal`.
    items
        Items of the set; a column `sentence_id` says which items are words of the same sentence.
    human
        Human data of the set: a `word_id` (from 0) says which word of the item was measured, else it is the target.
    card
        The set's card.
    unit
        The responses are the human measures in this unit, `ms` or `microvolts`.
    spillover
        How many words before have a part in the response.

    Raises
    ------
    InputError
        No human measure in that unit; words that cannot be found in the items' texts.

    Notes
    -----
    Length (characters, as displayed), Zipf frequency, punctuation after the word (0 or 1) and position (in the sentence
    and, where a text has several, in the text) are those of the text, and so are those of earlier words, whether people
    were measured there or not.
    Published values of words that a published model splits (a column NAME_multitoken) are left out, since they can rest
    on other definitions.
    """
    responses = responses_in(card, unit)
    where = f"stimuli {card['name']}"
    if human is None or not responses or not set(responses) & set(human["measure"]):
        raise InputError(
            Problem(where, f"no human measure in {unit}", f"one whose meaning on the card ends in ({unit})")
        )
    words = words_of(items, card["language"])
    models = _by_model(results, words, where)
    words = words.merge(models, on=KEYS, how="left")
    known = ["length", "log_frequency", "punctuation"]
    words = with_previous(words, [*known, *models.columns.difference(KEYS)], spillover, ["item", "condition"])
    measured = _measured(human, items, words, bool(card["factors"]), where)
    means = measured.pivot_table(index=KEYS, columns="measure", values="value").add_prefix("human_").reset_index()
    data = words.merge(means, on=KEYS)  # in the order of the items and their words
    data = _with_text(data, items, card["language"])
    lexical = [f"{name}_{back}" for back in range(1, spillover + 1) for name in known]
    place = ["position", *(["text_position"] if (data["text_position"] != data["position"]).any() else [])]
    published = _published(data, items, card, spillover)
    data = data.merge(published, on=KEYS, how="left")
    names = {name: ("model", name) for name in models.columns.difference(KEYS, sort=False)}
    names |= {column: ("published", who) for column, who in card["references"].items() if column in data}
    names |= {PEOPLE: ("people", PEOPLE)} if PEOPLE in data else {}
    predictors = []
    for column, (kind, who) in names.items():
        there = [name for name in _lags(column, spillover) if name in data and data[name].notna().any()]
        predictors += [Predictor(who, kind, tuple(there))] if there else []  # type: ignore[arg-type]
    few = data["text"].nunique() < FEW
    data["group"] = blocks(data["text"], data["sentence"], BLOCK) if few else data["text"]
    several = data["text"].nunique() < data["item"].nunique()
    whole = "sentences" if several else "items"
    return Observations(
        data=data,
        responses={name: meaning for name, meaning in responses.items() if f"human_{name}" in data},
        baseline=[name for name in [*known, *place, *lexical] if data[name].nunique() > 1],
        predictors=predictors,
        held_out=f"blocks of whole sentences, {BLOCK} words or more" if few else whole,
        single=measured if "subject" in measured else None,
    )


def _lags(column: str, spillover: int) -> list[str]:
    return [column, *(f"{column}_{back}" for back in range(1, spillover + 1))]


def _by_model(results: pd.DataFrame, words: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the surprisal of each word, a column a model, once each word is seen to be the text's own."""
    rows = results[(results["measure"] == "surprisal") & (results["word_id"] >= 0) & (results["region"] != "token")]
    texts = rows[rows["region"] != "target"].merge(words[[*KEYS, "word"]], on=KEYS, how="left", suffixes=("", "_text"))
    other = texts[texts["word"] != texts["word_text"].fillna("")]
    if len(other):
        expected = "words as the text has them: measures.surprisal.punctuation: attached, no region that divides a word"
        raise InputError(Problem(where, f"a surprisal of {other['word'].iloc[0]!r}", expected))
    wide = rows.pivot_table(index=KEYS, columns="model", values="value", aggfunc="first", sort=False, dropna=False)
    order = list(dict.fromkeys(rows["model"]))
    return wide[order].rename_axis(columns=None).reset_index()


def _measured(human: pd.DataFrame, items: pd.DataFrame, words: pd.DataFrame, factors: bool, where: str) -> pd.DataFrame:
    """Return human data with the number of the word that was measured: a column's, or the target's."""
    keys = ["item", "condition"] if factors else ["item"]
    rows = human.astype(dict.fromkeys(keys, "string"))
    if not factors:
        rows = rows.assign(condition=pd.Series("", index=rows.index, dtype="string"))
    targets = words.loc[words["is_target"], KEYS].drop_duplicates(["item", "condition"])
    found = rows.drop(columns="word_id", errors="ignore").merge(targets, on=["item", "condition"], how="left")
    if "word_id" in rows:
        own = pd.to_numeric(rows["word_id"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        found["word_id"] = np.where(np.isnan(own), found["word_id"].to_numpy(dtype=float), own)
    if found["word_id"].isna().all():
        raise InputError(Problem(where, "no word that people were measured at", "a target, or word_id in human data"))
    return found.dropna(subset=["word_id"]).astype({"word_id": "int64"})


def _with_text(data: pd.DataFrame, items: pd.DataFrame, language: str) -> pd.DataFrame:
    """Add the text that each word belongs to; a set's own frequencies, where `wordfreq` has none for its language."""
    from wordfreq import available_languages

    keys = ["item", "condition"]
    cells = data[keys].merge(items.astype(dict.fromkeys(keys, "string")), on=keys, how="left")
    if "sentence_id" in cells:
        data["text"] = data["sentence"] = cells["sentence_id"].astype("string")
    else:
        data["text"] = data["item"]
    if language.split("-")[0] not in available_languages() and "log_frequency" in cells:
        data["log_frequency"] = pd.to_numeric(cells["log_frequency"]).where(data["is_target"])
    return data


def _published(data: pd.DataFrame, items: pd.DataFrame, card: dict[str, Any], spillover: int) -> pd.DataFrame:
    """Return published surprisals and that of human cloze, with those of the words before in the same text."""
    items = items.astype({"item": "string", "condition": "string"})
    columns = {}
    for name in card["references"]:
        split = f"{name.removesuffix('_surprisal')}_multitoken"
        columns[name] = items[name].mask(items[split].astype(bool)) if split in items else items[name]
    values = items[["item", "condition"]].assign(**columns)
    found = data[[*KEYS, "text"]].merge(values, on=["item", "condition"], how="left")
    found.loc[~data["is_target"].to_numpy(dtype=bool), list(columns)] = np.nan
    if "human_cloze" in data:
        found[PEOPLE] = -np.log2(data["human_cloze"].where(data["human_cloze"] > 0)).to_numpy()
    names = [*columns, *([PEOPLE] if PEOPLE in found else [])]
    place = ["text", "condition", "word_id"]
    there = found.drop_duplicates(place)[[*place, *names]]
    for back in range(1, spillover + 1):
        earlier = there.assign(word_id=there["word_id"] + back).rename(columns={n: f"{n}_{back}" for n in names})
        found = found.merge(earlier, on=place, how="left")
    return found.drop(columns="text")
