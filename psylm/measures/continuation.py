"""Continuations: the probability of a text given what comes before it, by length and beyond its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import BaseModel, Field

from psylm.measures.prompts import reply_log_probabilities
from psylm.measures.registry import measure
from psylm.measures.sentence import score_sentences, sentence_table

if TYPE_CHECKING:
    from psylm.models.base import LanguageModel


class ContinuationOptions(BaseModel, extra="forbid"):
    """What can be chosen of `continuation`."""

    domain: str = Field(
        default="",
        description="what stands in place of the context for the PMI, `Answer:` for example; none by default",
    )
    chat: bool = Field(default=False, description="give the context as a user's message, the sentence as the reply")


@measure(
    "continuation",
    needs={"continuations"},
    options=ContinuationOptions,
    gives=lambda options: [f"continuation{of}" for of in ("", "_per_token", "_per_character", "_pmi")],
    meaning="log-probability of a sentence after its context (nats): whole, per token, per character, and PMI",
)
def continuation(model: LanguageModel, trials: pd.DataFrame, options: ContinuationOptions) -> pd.DataFrame:
    """Score each trial's sentence as a continuation of its context.

    Parameters
    ----------
    model
        A model that can go on with a text. An encoder-decoder model's encoder reads the context, its decoder writes
        the sentence.
    trials
        Trials: the context is the prefix, the sentence the continuation.
    options
        What the PMI compares with, and whether the context is a message.

    Returns
    -------
    DataFrame
        For each sentence `continuation` (natural log-probability), `continuation_per_token`,
        `continuation_per_character`, and `continuation_pmi`: how much more probable it is after its context than after
        the domain alone.

    References
    ----------
    Holtzman et al. (2021), Surface form competition: Why the highest probability answer isn't always right, EMNLP
    (domain-conditional PMI).
    """
    mine = _log_probabilities(model, trials, options.chat)
    alone = _log_probabilities(model, trials.assign(context=options.domain), options.chat and options.domain != "")
    values: dict[str, list[float]] = {
        "continuation": [total for total, _, _ in mine],
        "continuation_per_token": [total / tokens if tokens else math.nan for total, tokens, _ in mine],
        "continuation_per_character": [
            total / len(sentence) for (total, _, _), sentence in zip(mine, trials["sentence"], strict=True)
        ],
        "continuation_pmi": [total - other for (total, _, _), (other, _, _) in zip(mine, alone, strict=True)],
    }
    notes = {name: [note for _, _, note in mine] for name in values}
    notes["continuation_pmi"] = [note or other for (_, _, note), (_, _, other) in zip(mine, alone, strict=True)]
    return pd.concat([sentence_table(trials, name, column, notes[name]) for name, column in values.items()])


def _log_probabilities(model: LanguageModel, trials: pd.DataFrame, chat: bool) -> list[tuple[float, int, str]]:
    """Return each sentence's log-probability after its context, its number of tokens, and a note."""
    if not chat and not model.traits.source_apart:
        return [(score.uncorrected, len(score.items), score.note) for score in score_sentences(model, trials)]
    found: dict[int, tuple[float, int, str]] = {}
    for language, mine in trials.reset_index(drop=True).groupby("language"):
        prompts, replies = list(mine["context"]), list(mine["sentence"])
        scored = reply_log_probabilities(model, prompts, replies, chat=chat, language=str(language))
        found |= dict(zip(mine.index, scored, strict=True))
    return [found[row] for row in range(len(trials))]
