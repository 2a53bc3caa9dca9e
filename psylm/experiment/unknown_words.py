"""Words that a model's vocabulary lacks: how many a run met, said once for each model and stimulus set."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.measures.words import UNKNOWN, UNKNOWN_CONTEXT

MOST = 0.5
"""Share of unknown scores from which a set is said to be foreign to a model."""

NO_STIMULUS = ("token", "completion")
"""Regions of rows that are no words of the stimuli."""


def unknown_words(results: pd.DataFrame) -> Iterator[str]:
    """Say how much of each stimulus set each model's vocabulary lacks; nothing where it lacks nothing.

    Parameters
    ----------
    results
        A run's results.

    Examples
    --------
    >>> about = {"model": "tiny", "stimuli": "birds", "item": "1", "condition": "", "region": "sentence"}
    >>> words = [("A", ""), ("zebra", UNKNOWN), ("sleeps", UNKNOWN_CONTEXT), ("there", UNKNOWN_CONTEXT)]
    >>> table = pd.DataFrame([about | {"word_id": n, "word": w, "note": note} for n, (w, note) in enumerate(words)])
    >>> print(*unknown_words(table))
    tiny: its vocabulary lacks 1 of 4 words or sentences of birds (25%), zebra for example; they have no score. In the
    context of 2 more it reads a word as unknown.
    """
    rows = results[~results["region"].isin(NO_STIMULUS)]
    noted = rows["note"].fillna("").str
    rows = rows.assign(
        unknown=noted.contains(UNKNOWN, regex=False), context=noted.contains(UNKNOWN_CONTEXT, regex=False)
    )
    named = ["item", "condition", "region", "word_id", "word"]
    for (model, stimuli), mine in rows.groupby(["model", "stimuli"], sort=False, observed=True):
        scored = mine.groupby(named, sort=False, observed=True)[["unknown", "context"]].any().reset_index()
        count, after = int(scored["unknown"].sum()), int((scored["context"] & ~scored["unknown"]).sum())
        if count:
            share = count / len(scored)
            examples = [word for word in dict.fromkeys(scored.loc[scored["unknown"], "word"]) if word][:3]
            for_example = f", {', '.join(examples)} for example" if examples else ""
            yield (
                f"{model}: its vocabulary lacks {count} of {len(scored)} words or sentences of {stimuli} "
                f"({share:.0%}){for_example}; they have no score."
                + (f" In the context of {after} more it reads a word as unknown." if after else "")
                + (f" Most of {stimuli} is foreign to this model: is it one for that language?" if share > MOST else "")
            )
        elif after:
            yield f"{model}: in {stimuli}, it reads a word as unknown in the context of {after} of {len(scored)}."
