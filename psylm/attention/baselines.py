"""What attention would be if only position mattered: the controls that a head must beat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from psylm.attention.scenes import Scene, scene, visible
from psylm.attention.selection import selection
from psylm.models.attention_input import At

Positional = Literal["uniform", "previous", "first"]
POSITIONAL: tuple[Positional, ...] = ("uniform", "previous", "first")


def positional_row(there: Scene, seen: np.ndarray, kind: Positional) -> np.ndarray:
    """Return the attention of a head that knows nothing but position [words + 2], as `selection` takes it.

    Parameters
    ----------
    there
        The text.
    seen
        Which words can be attended to [words], as `visible` has it.
    kind
        `uniform`: all visible words alike. `previous`: the visible word nearest to the left of the query. `first`: the
        first visible word. Punctuation gets nothing.

    Examples
    --------
    >>> from psylm.measures.trials import sentence_trials
    >>> trials = sentence_trials(["The old keys, perhaps, are here."], regions=['[["n", 8, 12], ["v", 23, 26]]'])
    >>> there = scene(trials.to_dict("records")[0], "v", "n")
    >>> seen = visible(there, "prediction", left_to_right=True)
    >>> [positional_row(there, seen, kind)[:7].tolist() for kind in ("uniform", "previous")]
    [[0.25, 0.25, 0.25, 0.0, 0.25, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]
    """
    row = np.zeros(len(there.spans) + 2)
    words = (seen & ~there.punctuation).nonzero()[0]
    if kind == "uniform":
        row[words] = 1 / max(len(words), 1)
    elif len(words):
        before = words[words < there.query]
        row[words[0] if kind == "first" else (before[-1] if len(before) else words[0])] = 1
    return row


def positional_baselines(
    trials: pd.DataFrame,
    query: str,
    target: str,
    distractor: str | None = None,
    *,
    at: At = "prediction",
    left_to_right: bool = True,
) -> pd.DataFrame:
    """Measure what heads that know nothing but position would select.

    Parameters
    ----------
    trials
        `item`, `condition`, `context`, `sentence`, `regions` and `language`.
    query, target, distractor, at
        As the options of the measure `attention`.
    left_to_right
        Whether the model reads what stands to the left only: causal and permutation models.

    Returns
    -------
    DataFrame
        A row a trial, baseline and measure: `item`, `condition`, `baseline`, `measure`, `value`.
    """

    def rows() -> Iterator[tuple[str, str, str, str, float]]:
        for trial in trials.to_dict("records"):
            there = scene(trial, query, target, distractor)
            if there is None:
                continue
            seen = visible(there, at, left_to_right=left_to_right)
            for kind in POSITIONAL:
                for name, value in selection(positional_row(there, seen, kind), there, seen).items():
                    yield trial["item"], trial["condition"], kind, f"attention_{name}", float(value)

    return pd.DataFrame(list(rows()), columns=["item", "condition", "baseline", "measure", "value"])


def distance_rows(
    rows: Sequence[np.ndarray], scenes: Sequence[Scene], seen: Sequence[np.ndarray], items: Sequence[object]
) -> list[np.ndarray]:
    """Predict the query's attention from distance alone: the mean over other items at the same distance.

    Parameters
    ----------
    rows
        The query's attention in each trial [layers, heads, words + 2], the array `attention_query`.
    scenes, seen
        The text of each trial, and the words that can be attended to.
    items
        The item of each trial; an item's own trials are not used to predict it.

    Returns
    -------
    list of ndarray
        Of each trial, attention [layers, heads, words + 2]: for each visible word what words at its distance (left or
        right) get in other items, made to sum to what words get there on the whole; NaN where there is no other item.

    Examples
    --------
    A head that looks at the word before, whatever that is, is predicted wholly.

    >>> from psylm.measures.trials import sentence_trials
    >>> trials = sentence_trials(["The key is.", "The old keys are."], regions=['[["v", 8, 10]]', '[["v", 13, 16]]'])
    >>> scenes = [scene(trial, "v", "n") for trial in trials.to_dict("records")]
    >>> seen = [visible(there, "prediction", left_to_right=True) for there in scenes]
    >>> rows = [positional_row(there, mine, "previous")[None, None] for there, mine in zip(scenes, seen, strict=True)]
    >>> distance_rows(rows, scenes, seen, ["a", "b"])[1][0, 0].tolist()
    [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """
    codes, _ = pd.factorize(np.asarray(items, dtype=object))
    places = [_signed(there) for there in scenes]
    reach = max(int(np.abs(place).max()) for place in places)
    number, (layers, heads) = int(codes.max()) + 1, rows[0].shape[:2]
    sums, counts = np.zeros((number, 2 * reach + 1, layers, heads)), np.zeros((number, 2 * reach + 1))
    rest, trials = np.zeros((number, layers, heads, 2)), np.zeros(number)
    for row, place, mine, code in zip(rows, places, seen, codes, strict=True):
        np.add.at(sums[code], place[mine] + reach, np.moveaxis(row[..., :-2][..., mine], -1, 0))
        np.add.at(counts[code], place[mine] + reach, 1)
        rest[code] += row[..., -2:]
        trials[code] += 1
    predicted = []
    for row, place, mine, code in zip(rows, places, seen, codes, strict=True):
        others, at = np.arange(number) != code, place[mine] + reach
        found = np.full(row.shape, np.nan)
        if others.any():
            known = counts[others].sum(0)[at]  # at a distance that no other item has, nothing is expected
            mean = np.moveaxis(sums[others].sum(0)[at], 0, -1) / np.maximum(known, 1)
            found[..., -2:] = rest[others].sum(0) / trials[others].sum()
            found[..., :-2] = 0
            with np.errstate(invalid="ignore"):
                found[..., :-2][..., mine] = mean * (1 - found[..., -2, None]) / mean.sum(-1, keepdims=True)
        predicted.append(found)
    return predicted


def _signed(there: Scene) -> np.ndarray:
    """Return how many words each word stands to the right of the query, negative to the left [words]."""
    numbers = np.cumsum(~there.punctuation)
    signed: np.ndarray = numbers - numbers[there.query]
    return signed
