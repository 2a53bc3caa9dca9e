"""Word surprisal: how unexpected a word is in its context, in bits."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, Field

from psylm.language import word_spans
from psylm.measures.registry import SCORE_COLUMNS, measure
from psylm.measures.words import LN2, Word, is_over, score_words, target_words, texts, tokenized
from psylm.models.base import LanguageModel


class SurprisalOptions(BaseModel, extra="forbid"):
    """What can be chosen of `surprisal`."""

    words: Literal["target", "all"] = Field(default="target", description="score the target, or every word")
    correction: bool = Field(default=True, description="word-boundary correction of Pimentel & Meister (2024)")


@measure(
    "surprisal",
    families={"causal", "masked"},
    options=SurprisalOptions,
    meaning="surprisal of a word in its context, -log2 p(word | context), in bits",
)
def surprisal(model: LanguageModel, trials: pd.DataFrame, options: SurprisalOptions) -> pd.DataFrame:
    """Score words by their surprisal, -log2 p(word | context).

    A causal model's context is what stands to the left; a masked model's is the whole text. See
    `psylm.measures.words.score_words` for how a word's tokens are combined.

    Parameters
    ----------
    model
        A causal or masked model.
    trials
        Trials; those without a target are scored word by word.
    options
        Which words, and whether to correct for word boundaries.

    Returns
    -------
    DataFrame
        One row a word, in bits.

    References
    ----------
    Hale (2001), A probabilistic Earley parser as a psycholinguistic model, NAACL; Levy (2008),
    Expectation-based syntactic comprehension, Cognition 106, 1126-1177.
    """
    targeted = (trials["target"] != "") & (options.words == "target")
    tables = [_targets(model, trials[targeted], options), _all_words(model, trials[~targeted], options)]
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _targets(model: LanguageModel, trials: pd.DataFrame, options: SurprisalOptions) -> pd.DataFrame:
    words = target_words(model, trials)
    scores, _ = score_words(model, words, tokenized(model, words, cut=True), correction=options.correction)
    return pd.DataFrame(
        {
            "trial": trials["trial"].to_numpy(),
            "region": "target",
            "word_id": word_ids(trials),
            "word": trials["target"].to_numpy(),
            "measure": "surprisal",
            "value": [-score.log_probability / LN2 for score in scores],
            "note": [score.note for score in scores],
        },
        columns=SCORE_COLUMNS,
    )


def _all_words(model: LanguageModel, trials: pd.DataFrame, options: SurprisalOptions) -> pd.DataFrame:
    words: list[Word] = []
    rows: list[tuple[Any, ...]] = []
    for trial, (text, offset) in zip(trials.to_dict("records"), texts(trials), strict=True):
        for number, (start, end) in enumerate(word_spans(trial["sentence"], trial["language"])):
            span = (offset + start, offset + end)
            words.append(Word(text, span, trial["language"], is_over(text, span[1])))
            overlaps = trial["target"] and start < trial["start"] + len(trial["target"]) and trial["start"] < end
            rows.append((trial["trial"], "target" if overlaps else "sentence", number, trial["sentence"][start:end]))
    scores, _ = score_words(model, words, tokenized(model, words, cut=False), correction=options.correction)
    table = pd.DataFrame(rows, columns=["trial", "region", "word_id", "word"])
    table["measure"] = "surprisal"
    table["value"] = [-score.log_probability / LN2 for score in scores]
    table["note"] = [score.note for score in scores]
    return table[SCORE_COLUMNS]


def word_ids(trials: pd.DataFrame) -> list[int]:
    """Return the place of each target among its sentence's words, from 0."""
    return [
        sum(end <= trial["start"] for _, end in word_spans(trial["sentence"], trial["language"]))
        for trial in trials.to_dict("records")
    ]
