"""Words in reading order: what came before them, and which of them are held out together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def with_previous(data: pd.DataFrame, columns: Sequence[str], words: int, within: Sequence[str]) -> pd.DataFrame:
    """Add the values of the words before: what spills over into a word's reading time.

    Parameters
    ----------
    data
        One row a word, in reading order.
    columns
        The columns to take from earlier words.
    words
        How many words back.
    within
        Columns whose change begins a new text: nothing spills over into it.

    Returns
    -------
    DataFrame
        With a column NAME_1 for the word before, NAME_2 for the one before that, …; missing at the beginning.

    Examples
    --------
    >>> words = pd.DataFrame({"text": [1, 1, 2, 2], "surprisal": [5.0, 6.0, 7.0, 8.0]})
    >>> with_previous(words, ["surprisal"], 1, ["text"])["surprisal_1"].tolist()
    [nan, 5.0, nan, 7.0]
    """
    grouped = data.groupby(list(within), sort=False)
    earlier = {f"{name}_{back}": grouped[name].shift(back) for name in columns for back in range(1, words + 1)}
    return data.assign(**earlier)


def folds_by(groups: pd.Series, folds: int, seed: int) -> np.ndarray:
    """Give every row the number of a fold, groups whole, folds of about the same number of rows.

    Examples
    --------
    >>> folds_by(pd.Series(list("aabbbc")), 2, seed=1).tolist()
    [1, 1, 0, 0, 0, 1]
    """
    sizes = groups.value_counts(sort=False)
    order = sizes.sample(frac=1, random_state=seed).sort_values(ascending=False, kind="stable")
    filled = np.zeros(min(folds, len(order)))
    fold = {}
    for group, size in order.items():
        fold[group] = int(filled.argmin())
        filled[fold[group]] += size
    return groups.map(fold).to_numpy(dtype=int)


def blocks(text: pd.Series, sentence: pd.Series, words: int) -> pd.Series:
    """Divide texts into stretches of successive whole sentences, of a number of words or more.

    Neighbouring words share what the regression does not know, so that single words must not be held out.

    Parameters
    ----------
    text, sentence
        The text and the sentence of each word, in reading order.
    words
        Words of a stretch, at least; the last of a text takes what is left.

    Examples
    --------
    >>> text, sentence = pd.Series(list("aaaaaab")), pd.Series(list("AABBCCD"))
    >>> blocks(text, sentence, 3).tolist()
    ['a.0', 'a.0', 'a.0', 'a.0', 'a.0', 'a.0', 'b.0']
    >>> blocks(text, sentence, 2).tolist()
    ['a.0', 'a.0', 'a.1', 'a.1', 'a.2', 'a.2', 'b.0']
    """
    sizes = pd.DataFrame({"text": text, "sentence": sentence}).value_counts(sort=False)
    number: dict[tuple[object, object], str] = {}
    for name in text.unique():
        mine = list(dict.fromkeys(sentence[text == name]))
        block, filled, left = 0, 0, int((text == name).sum())
        for one in mine:
            if filled >= words and left >= words:
                block, filled = block + 1, 0
            number[name, one] = f"{name}.{block}"
            filled += int(sizes[name, one])
            left -= int(sizes[name, one])
    return pd.Series([number[pair] for pair in zip(text, sentence, strict=True)], index=text.index, dtype="string")
