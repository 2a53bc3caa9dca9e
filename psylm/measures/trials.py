"""Trials made of sentences at hand, for measures that are called from Python."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from psylm.common.errors import InputError, Problem
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
        A word of each sentence, at its first place there; empty for none.
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
    for number, (sentence, target) in enumerate(zip(sentences, wanted, strict=True)):
        if target not in sentence:
            raise InputError(Problem(f"target {number}", repr(target), f"a word of {sentence!r}"))
    columns = {
        "trial": range(count),
        "item": list(items or map(str, range(count))),
        "condition": list(conditions or [""] * count),
        "context": list(contexts or [""] * count),
        "sentence": list(sentences),
        "target": wanted,
        "start": [sentence.index(target) if target else -1 for sentence, target in zip(sentences, wanted, strict=True)],
        "regions": list(regions or [""] * count),
        "language": [language] * count,
    }
    return pd.DataFrame(columns, columns=TRIAL_COLUMNS)
