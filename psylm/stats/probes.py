"""What words a run's states are probed for, and what linear probes read off each layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from psylm.runs.run import Run
from psylm.stats.inference.probing import FOLDS, linear_probe, permuted_accuracies

PERMUTATIONS = 20
"""Times that labels are shuffled, and every probe fitted anew: p cannot be below 1/21."""


@dataclass(frozen=True)
class ProbingTask:
    """What is to be read off which words.

    Parameters
    ----------
    words
        A row a word: `item`, `word`, `label`.
    states
        Their states [words, layers, width].
    """

    words: pd.DataFrame
    states: np.ndarray


def probing_tasks(
    run: Run, model: str, stimuli: str, *, left_to_right: bool
) -> tuple[dict[str, ProbingTask], list[int]]:
    """Make the probing tasks that a set allows, and give the layers' numbers.

    Parameters
    ----------
    run, model, stimuli
        Whose states.
    left_to_right
        Whether the model reads from left to right, so that its states before the verb cannot know the verb.
    """
    mine, items = run.scores(model=model, stimuli=stimuli, measure="state"), run.items(stimuli)
    extra = [column for column in ("grammaticality", "subject_number", "start") if column in items]
    mine = mine.astype({"region": object, "word": object})
    words = mine[["item", "condition", "region", "word_id", "word"]].merge(
        items[["item", "condition", "target", *extra]], on=["item", "condition"]
    )
    states = np.concatenate([array for _, _, array in run.arrays("state", model=model, stimuli=stimuli)])
    layers = next(array for _, _, array in run.arrays("state_layer", model=model, stimuli=stimuli)).tolist()
    found = {}
    if words["region"].str.contains(".", regex=False).any():
        named = words["region"].str.partition(".")
        nouns = named[2] != ""
        real = words["region"] != "punctuation"
        found["word class"] = ProbingTask(words[real].assign(label=named[0][real]), states[real.to_numpy()])
        found["number"] = ProbingTask(words[nouns].assign(label=named[2][nouns]), states[nouns.to_numpy()])
        found["position"] = ProbingTask(
            words[real].assign(label=words["word_id"][real].astype(str)), states[real.to_numpy()]
        )
    if "subject_number" in words and left_to_right:
        after = words.groupby(["item", "condition"])["region"].shift(-1).fillna("")
        asked = (after == "verb") & (words["grammaticality"] == "grammatical")
        before = words[asked].assign(label=words["subject_number"][asked])
        found["number of the subject, before the verb"] = ProbingTask(before, states[asked.to_numpy(dtype=bool)])
    return found, layers


def probe_rows(task: ProbingTask, layers: list[int], seed: int) -> Iterator[dict[str, Any]]:
    """Probe each layer for a task: a `Probe` a layer, the accuracy of shuffled labels, and p corrected for layers.

    Too few items for the folds of cross-validation, or a single label, give no rows.
    """
    items, labels = task.words["item"].tolist(), task.words["label"].tolist()
    types = task.words["word"].str.lower().tolist()
    if len(set(items)) < FOLDS or len(set(labels)) < 2:
        return
    states = [task.states[:, number] for number in range(len(layers))]
    found = [linear_probe(one, labels, items, types, seed=seed) for one in states]
    shuffled = permuted_accuracies(states, labels, items, permutations=PERMUTATIONS, seed=seed)
    best = shuffled.max(1)
    for layer, one, chance in zip(layers, found, shuffled.mean(0), strict=True):
        p = (1 + int((best >= one.accuracy).sum())) / (1 + PERMUTATIONS)
        yield {"layer": layer} | asdict(one) | {"shuffled": float(chance), "p": p}
