"""Trials made of sentences at hand, for measures that are called from Python."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.language import find_text
from psylm.measures.registry import TRIAL_COLUMNS


def sentence_trials(
    sentences: Sequence[str],
    *,
    targets: Sequence[str] | None = None,
    contexts: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    conditions: Sequence[str] | None = None,
    language: str = "en",
) -> pd.DataFrame:
    """Make the table that measures take.

    Parameters
    ----------
    sentences
        One a trial.
    targets
        A word of each sentence, at its first place there, by whole characters (`find_text`); empty for
        none.
    contexts
        What comes before each sentence.
    regions
        As `psylm.stimuli.regions.parse_regions` reads them.
    items, conditions
        What each trial belongs to; by default each is an item of its own.
    language
        BCP 47 tag of the sentences.

    Returns
    -------
    DataFrame
        One row a trial.

    Raises
    ------
    InputError
        A target is not in its sentence.

    Examples
    --------
    >>> sentence_trials(["The keys are here."], targets=["are"])[["sentence", "target", "start"]]
                 sentence target  start
    0  The keys are here.    are      9
    """
    count = len(sentences)
    wanted = list(targets or [""] * count)
    found = [find_text(sentence, target) for sentence, target in zip(sentences, wanted, strict=True)]
    for number, (sentence, target, span) in enumerate(zip(sentences, wanted, found, strict=True)):
        if target and span is None:
            raise InputError(Problem(f"target {number}", repr(target), f"a word of {sentence!r}"))
    columns = {
        "trial": range(count),
        "item": list(items or map(str, range(count))),
        "condition": list(conditions or [""] * count),
        "context": list(contexts or [""] * count),
        "sentence": list(sentences),
        "target": [sentence[slice(*span)] if span else "" for sentence, span in zip(sentences, found, strict=True)],
        "start": [span[0] if span else -1 for span in found],
        "regions": list(regions or [""] * count),
        "language": [language] * count,
    }
    return pd.DataFrame(columns, columns=TRIAL_COLUMNS)
