"""How far a model's scores depend on what stands before a text, on a small diagnostic set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from psylm.common.errors import InputError
from psylm.measures.words import LN2
from psylm.models import load_model
from psylm.models.base import LanguageModel
from psylm.models.names import ModelSource
from psylm.models.query import Distributions
from psylm.models.start import Start, find_start

OPTIONS = ("auto", "document", "bos", "\n", "none")
"""The starts that are compared."""

SENTENCES = (
    "The baker put the bread on the counter and opened the door.",
    "After the storm, two fishermen repaired their boat on the beach.",
    "My grandmother keeps her letters in a wooden box under the bed.",
    "Nobody in the village remembered the name of the old teacher.",
    "When the train stopped, a girl with a red umbrella got off.",
    "The doctor asked the patient to wait in the next room.",
    "In winter the lake is covered with thick ice for months.",
    "He looked for his keys in every pocket before he found them.",
)
"""Plain sentences, written for psylm."""

PAIRS = {
    "agreement": (
        ("The letters in the drawer are old.", "The letters in the drawer is old."),
        ("The painter behind the houses sings well.", "The painter behind the houses sing well."),
        ("The boys next to the teacher were tired.", "The boys next to the teacher was tired."),
        ("The bridge over the rivers has collapsed.", "The bridge over the rivers have collapsed."),
        ("The dogs near the gate bark at night.", "The dogs near the gate barks at night."),
        ("The price of the apples was too high.", "The price of the apples were too high."),
        ("The sisters of the pilot live in Spain.", "The sisters of the pilot lives in Spain."),
        ("The window of the offices is broken.", "The window of the offices are broken."),
    ),
    "polarity": (
        ("No guest has ever complained about the food.", "Some guest has ever complained about the food."),
        ("Nobody ate any of the cake.", "Everybody ate any of the cake."),
        ("The mayor has not met any of the farmers yet.", "The mayor has also met any of the farmers yet."),
        ("No pupil at the school has ever seen snow.", "The pupil at the school has ever seen snow."),
        ("None of the sailors had any money left.", "All of the sailors had any money left."),
        ("The nurse did not say anything at all.", "The nurse did really say anything at all."),
        ("Few visitors ever come back in the winter.", "Many visitors ever come back in the winter."),
        ("Without any help he carried the piano upstairs.", "With any help he carried the piano upstairs."),
    ),
}
"""Pairs of a good and a bad sentence, written for psylm: number agreement over an attractor, and licensed negative
polarity items."""


@dataclass(frozen=True)
class Diagnosis:
    """What a model makes of the diagnostic set after one start.

    Parameters
    ----------
    start
        The start.
    bits
        Mean surprisal in bits of the tokens that every start lets it predict: all but the first of a sentence.
    first
        Mean surprisal in bits of a sentence's first token; NaN where nothing stands before it.
    correct
        For each kind of pair, in how many the good sentence has the higher probability.
    """

    start: Start
    bits: float
    first: float
    correct: dict[str, int]


def compare_starts(name: str | ModelSource, *, device: str = "auto", options: Sequence[str] = OPTIONS) -> pd.DataFrame:
    """Score the diagnostic set after several starts of a text.

    Parameters
    ----------
    name
        The model, as in `psylm.load_model`; one that reads from left to right.
    device
        As in `psylm.load_model`.
    options
        The starts, as in `psylm.load_model`. One that the model does not have is left out; those that come to the same
        tokens are one.

    Returns
    -------
    DataFrame
        For each start `options` (those that lead to it), `start` (its text), `kind`, `bits` per token from the second
        on, `first` (bits of the first token), and for each kind of pair how many of its pairs come out right. Empty
        for a model in whose family the start is no choice.
    """
    source = ModelSource.of(name)
    if not source.traits.starts:
        return pd.DataFrame()
    model = load_model(source, device=device)
    found: dict[tuple[int, ...], tuple[list[str], Start]] = {}
    for option in options:
        try:
            start = find_start(source, model.tokenizer, option)
        except InputError:
            continue  # the model has no such token, which the absence of its row says
        assert start is not None, "the family takes a start"
        found.setdefault(start.ids, ([], start))[0].append(option)
    rows = []
    for names, start in found.values():
        diagnosis = diagnose(model, start)
        row = {"options": ", ".join(names), "start": start.text, "kind": start.kind}
        rows.append(row | {"bits": diagnosis.bits, "first": diagnosis.first} | diagnosis.correct)
    return pd.DataFrame(rows)


def diagnose(model: LanguageModel, start: Start) -> Diagnosis:
    """Score the diagnostic set with a model after a start, and leave the model as it was."""
    before, model.tokenizer.start = model.tokenizer.start, start.ids
    try:
        tokens = [_tokens(model, sentence) for sentence in SENTENCES]
        correct = {kind: sum(_prefers(model, *pair) for pair in pairs) for kind, pairs in PAIRS.items()}
    finally:
        model.tokenizer.start = before
    later = np.concatenate([values[1:] for values in tokens])
    return Diagnosis(start, float(later.mean()), float(np.mean([values[0] for values in tokens])), correct)


def _tokens(model: LanguageModel, sentence: str) -> np.ndarray:
    """Return the surprisal of each token of a sentence in bits; NaN for the first where nothing stands before it."""
    ids = model.tokenizer.encode(sentence).ids
    begun = bool(model.tokenizer.start)
    queries, _ = model.word_queries(ids, [(0 if begun else 1, len(ids))], after=False)
    answers = model.predict(queries, Distributions.log_probability)
    values = -np.concatenate(answers).astype(float) / LN2
    return values if begun else np.concatenate([[np.nan], values])


def _prefers(model: LanguageModel, good: str, bad: str) -> bool:
    """Whether the good sentence is more probable, its first token left out where nothing stands before it."""
    return bool(np.nansum(_tokens(model, good)) < np.nansum(_tokens(model, bad)))
