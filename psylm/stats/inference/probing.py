"""Linear probes: what can be read off a model's states, and how much of it the probe has learnt by itself."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from psylm.common.errors import PsylmError
from psylm.stats.inference.intervals import mean_interval

FOLDS = 5

TOLERANCE = 1e-3
"""How near its optimum a probe is fitted; shuffled labels, which take longest, are fitted alike."""


@dataclass(frozen=True)
class Probe:
    """What a linear probe reads off states, out of sample.

    Parameters
    ----------
    accuracy, accuracy_low, accuracy_high
        Share of words whose label it finds, and its 95% interval over items.
    control, control_low, control_high
        The same in the control task, where each type of word has a label by chance, for words of known types: only
        these can be found in it other than by luck.
    selectivity, selectivity_low, selectivity_high
        Accuracy minus control accuracy, both of words of known types: what is in the states rather than in the probe.
    majority
        Share of the most frequent label.
    known
        Share of words whose type was among those that the probe learnt from; at 0 there is no control accuracy.
    n, items, labels
        Words, items, and different labels.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    control: float
    control_low: float
    control_high: float
    selectivity: float
    selectivity_low: float
    selectivity_high: float
    majority: float
    known: float
    n: int
    items: int
    labels: int


def linear_probe(
    states: ArrayLike,
    labels: Sequence[Hashable],
    items: Sequence[Hashable],
    types: Sequence[Hashable],
    *,
    folds: int = FOLDS,
    seed: int = 1,
) -> Probe:
    """Probe states for labels by logistic regression, cross-validated by items, next to a control task.

    Parameters
    ----------
    states
        One vector a word [words, width]; standardised on the training folds.
    labels
        What is to be read off each word's state.
    items
        The item of each word: words of an item are never in training and test at once.
    types
        The type of each word, its form: in the control task all words of a type have one label, drawn by chance with
        the frequencies of the real labels.
    folds
        How many parts the items are divided into, each of which is predicted from the others.
    seed
        Of the division and of the control task.

    Raises
    ------
    PsylmError
        scikit-learn is not installed; there are fewer items than folds, or all labels are the same.

    References
    ----------
    Hewitt, J., & Liang, P. (2019). Designing and interpreting probes with control tasks. EMNLP-IJCNLP, 2733-2743.
    Alain, G., & Bengio, Y. (2017). Understanding intermediate layers using linear classifier probes. ICLR workshop.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> labels = np.tile(["noun", "verb"], 60)
    >>> states = rng.normal(size=(120, 8)) + 4 * (labels == "noun")[:, None]
    >>> found = linear_probe(states, labels, np.repeat(np.arange(30), 4), np.arange(120) % 40)
    >>> found.accuracy, found.majority, found.known, found.control < 0.7
    (1.0, 0.5, 1.0, True)
    """
    table = pd.DataFrame({"label": list(labels), "item": list(items), "type": list(types)})
    splits = item_folds(table["item"], folds, seed)
    table["hit"] = predicted(states, table["label"], splits) == table["label"]
    control = control_labels(table["type"], table["label"], seed)
    table["control"] = predicted(states, control, splits) == control
    table["known"] = False
    for train, test in splits:
        table.loc[test, "known"] = table["type"].iloc[test].isin(set(table["type"].iloc[train]))
    table["gain"] = table["hit"].astype(float) - table["control"]
    return Probe(
        *_share(table, "hit"), *_share(table[table["known"]], "control"), *_share(table[table["known"]], "gain"),
        majority=float(table["label"].value_counts(normalize=True).iloc[0]), known=float(table["known"].mean()),
        n=len(table), items=table["item"].nunique(), labels=table["label"].nunique(),
    )  # fmt: skip


def _share(table: pd.DataFrame, column: str) -> tuple[float, float, float]:
    """Return the mean over words, with the 95% interval that items give it by Student's t.

    The interval is that of a ratio, of what items sum up to over their words, cut where no share or difference of
    shares can be.
    """
    if table.empty:
        return math.nan, math.nan, math.nan
    mean = float(table[column].mean())
    sums = table.groupby("item", sort=False)[column].agg(["sum", "size"])
    residuals = (sums["sum"] - mean * sums["size"]) / sums["size"].mean()
    _, low, high = mean_interval(residuals)
    least = -1.0 if column == "gain" else 0.0
    return mean, max(mean + low, least), min(mean + high, 1.0)


def permuted_accuracies(
    layers: Sequence[ArrayLike],
    labels: Sequence[Hashable],
    items: Sequence[Hashable],
    *,
    permutations: int,
    folds: int = FOLDS,
    seed: int = 1,
) -> np.ndarray:
    """Return how well labels that are shuffled among all words are read off each layer [permutations, layers].

    The same shuffled labels are used for all layers, so that the largest of a row is what the best of several layers
    attains by chance. Every probe is fitted anew. Parameters as in `linear_probe`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> layers = [rng.normal(size=(80, 4)) for _ in range(2)]
    >>> chance = permuted_accuracies(layers, ["a", "b"] * 40, np.repeat(np.arange(20), 4), permutations=10)
    >>> chance.shape, bool(abs(chance.mean() - 0.5) < 0.1)
    ((10, 2), True)
    """
    splits = item_folds(pd.Series(list(items)), folds, seed)
    random = np.random.default_rng(seed)
    values = pd.Series(list(labels))
    found = np.empty((permutations, len(layers)))
    for row in found:
        shuffled = pd.Series(random.permutation(values.to_numpy()))
        row[:] = [(predicted(states, shuffled, splits) == shuffled).mean() for states in layers]
    return found


def item_folds(items: pd.Series, folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide items at random into folds; returns the rows of training and test of each.

    Examples
    --------
    >>> [test.tolist() for _, test in item_folds(pd.Series(["a", "a", "b", "c"]), 3, 1)]
    [[0, 1], [2], [3]]
    """
    names = items.unique()
    if len(names) < folds:
        raise PsylmError(f"probe: found {len(names)} items; expected at least {folds}, one a fold")
    fold = dict(zip(np.random.default_rng(seed).permutation(names), np.arange(len(names)) % folds, strict=True))
    place = items.map(fold).to_numpy()
    return [(np.flatnonzero(place != number), np.flatnonzero(place == number)) for number in range(folds)]


def control_labels(types: pd.Series, labels: pd.Series, seed: int) -> pd.Series:
    """Give each type a label by chance, with the frequencies that labels have among words.

    Examples
    --------
    >>> types = pd.Series(["the", "cat", "the"])
    >>> control = control_labels(types, pd.Series(["d", "n", "d"]), 1)
    >>> bool(control[0] == control[2])
    True
    """
    random = np.random.default_rng(seed)
    shares = labels.value_counts(normalize=True).sort_index()
    drawn = random.choice(len(shares), size=types.nunique(), p=shares.to_numpy())
    return types.map(dict(zip(types.unique(), shares.index[drawn], strict=True)))


def predicted(states: ArrayLike, labels: pd.Series, splits: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the label that is predicted for each word from the folds it is not in."""
    if labels.nunique() < 2:
        raise PsylmError(f"probe: found {labels.nunique()} label; expected at least two")
    linear_model, preprocessing = _sklearn()
    values, known = np.asarray(states, dtype=np.float64), labels.to_numpy()
    found = np.empty(len(labels), dtype=known.dtype)
    for train, test in splits:
        scaler = preprocessing.StandardScaler().fit(values[train])
        if len(set(known[train])) == 1:
            found[test] = known[train][0]
            continue
        model = linear_model.LogisticRegression(max_iter=1000, tol=TOLERANCE).fit(
            scaler.transform(values[train]), known[train]
        )
        found[test] = model.predict(scaler.transform(values[test]))
    return found


def _sklearn() -> tuple[Any, Any]:
    try:
        from sklearn import linear_model, preprocessing
    except ImportError:
        raise PsylmError("probes need scikit-learn, which is not installed; pip install 'psylm[probes]'") from None
    return linear_model, preprocessing
