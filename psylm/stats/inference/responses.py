"""Distributions of responses: how far a model's completions are from people's, and how diverse people's are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.intervals import mean_interval
from psylm.stats.inference.one_model import check_one
from psylm.stats.inference.result import Result

COMPLETE = 1e-6
"""A distribution whose probabilities fall short of 1 by less than this is taken as complete."""


def jensen_shannon(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Return the Jensen-Shannon distance of two distributions of responses: 0 if equal, 1 if they share none.

    It is the square root of the divergence in bits, and a metric. Each distribution may name responses that the other
    does not. A response that is not named has a probability of 0 where the named ones sum to 1. Where they sum to less
    (a model's best completions), the probability of an unnamed response is not known; it is then counted as "other", in
    both distributions. So much is lost by that: the distance is a lower bound of that of the complete distributions.

    Parameters
    ----------
    first, second
        Probabilities by response, summing to at most 1.

    Raises
    ------
    InputError
        A probability is negative, or they sum to more than 1.

    References
    ----------
    Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Transactions on Information Theory, 37,
    145-151. Endres, D. M., & Schindelin, J. E. (2003). A new metric for probability distributions. IEEE Transactions
    on Information Theory, 49, 1858-1860.

    Examples
    --------
    >>> round(jensen_shannon({"fork": 0.5, "spoon": 0.5}, {"fork": 1.0}), 3)
    0.558
    >>> round(jensen_shannon({"fork": 0.6}, {"fork": 0.6, "knife": 0.4}), 3)
    0.0
    """
    missing = [_missing(one, name) for one, name in ((first, "first"), (second, "second"))]
    named = set(first) | set(second)
    for one, rest in zip((first, second), missing, strict=True):
        if rest > 0:
            named &= set(one)
    order = sorted(named)
    p, q = (np.array([*(one.get(response, 0.0) for response in order)], dtype=float) for one in (first, second))
    p, q = (np.append(one, max(1 - one.sum(), 0.0)) for one in (p, q))
    middle = (p + q) / 2
    divergence = float(special.rel_entr(p, middle).sum() + special.rel_entr(q, middle).sum()) / 2 / math.log(2)
    return math.sqrt(min(max(divergence, 0.0), 1.0))


def _missing(distribution: Mapping[str, float], name: str) -> float:
    total = math.fsum(distribution.values())
    if any(not value >= 0 for value in distribution.values()) or total > 1 + COMPLETE or not distribution:
        raise InputError(Problem(name, f"probabilities that sum to {total:g}", "none negative, a sum of at most 1"))
    return 1 - total if total < 1 - COMPLETE else 0.0


@dataclass(frozen=True, kw_only=True)
class Distance(Result):
    """The mean distance over items with its 95% interval (Student's t); `items` has a row an item.

    Parameters
    ----------
    items
        The columns that tell items apart, `distance`, and `covered`, the share of the people's responses that the
        model's distribution names.
    """

    items: pd.DataFrame


def response_distance(model: pd.DataFrame, people: pd.DataFrame, *, keys: Sequence[str] = ("item",)) -> Distance:
    """Compare a model's distribution of responses with people's, item by item.

    Parameters
    ----------
    model
        A row an item and response: the keys, `response`, `probability`.
    people
        A row an item and response: the keys, `response`, `count` (or a row a person, without `count`).
    keys
        Columns that tell items apart. Items that only one of the two has are left out.

    Returns
    -------
    Distance
        In the square root of bits, from 0 to 1. With few responses an item, even people like the model would be at some
        distance from it; compare models on the same responses.

    Raises
    ------
    InputError
        A column is missing, or rows are those of several models that the keys do not tell apart.

    Examples
    --------
    >>> model = pd.DataFrame({"item": ["1", "1"], "response": ["fork", "spoon"], "probability": [0.5, 0.5]})
    >>> people = pd.DataFrame({"item": ["1", "1"], "response": ["fork", "spoon"], "count": [15, 5]})
    >>> round(response_distance(model, people).estimate, 3)
    0.221
    """
    columns = [(model, (*keys, "response", "probability")), (people, (*keys, "response"))]
    missing = [(name, table) for table, names in columns for name in names if name not in table]
    if missing:
        raise InputError(*(Problem(f"column {name!r}", "no such column", ", ".join(t.columns)) for name, t in missing))
    for table in (model, people):
        check_one(table, keys)
    ours, theirs = _by_item(model, keys, "probability"), _by_item(people, keys, "count")
    rows = []
    for key, counts in theirs.items():
        total = sum(counts.values())
        if key in ours and total > 0:
            shares = {response: count / total for response, count in counts.items()}
            covered = sum(share for response, share in shares.items() if response in ours[key])
            here = {"distance": jensen_shannon(ours[key], shares), "covered": covered}
            rows.append(dict(zip(keys, key, strict=True)) | here)
    items = pd.DataFrame(rows, columns=[*keys, "distance", "covered"])
    mean, low, high = mean_interval(items["distance"])
    return Distance(estimate=mean, low=low, high=high, n=len(items), items=items)


def _by_item(table: pd.DataFrame, keys: Sequence[str], value: str) -> dict[tuple[Any, ...], dict[str, float]]:
    """Sum the values of each item's responses; a table of people may have a row a person instead of counts."""
    found: dict[tuple[Any, ...], dict[str, float]] = {}
    values = table[value] if value in table else pd.Series(1.0, table.index)
    for *key, response, one in zip(*(table[name] for name in keys), table["response"], values, strict=True):
        item = found.setdefault(tuple(key), {})
        item[response] = item.get(response, 0.0) + float(one)
    return found


def response_entropy(counts: ArrayLike, correction: str = "chao-shen") -> float:
    """Estimate the entropy of the distribution that responses were drawn from, in bits.

    The entropy of the shares themselves is too low, the more so the fewer responses there are.

    Parameters
    ----------
    counts
        How often each response was given.
    correction
        `none`; `miller-madow`, which adds (responses seen - 1) / 2n nats; or `chao-shen`, which weighs the responses by
        how probable it was to see them, and estimates the mass of unseen ones from those given once.

    Returns
    -------
    float
        NaN without responses.

    References
    ----------
    Miller, G. A. (1955). Note on the bias of information estimates. In H. Quastler (Ed.), Information theory in
    psychology. Chao, A., & Shen, T.-J. (2003). Nonparametric estimation of Shannon's index of diversity when there are
    unseen species in sample. Environmental and Ecological Statistics, 10, 429-443.

    Examples
    --------
    >>> [round(response_entropy([6, 2, 1, 1], name), 2) for name in ("none", "miller-madow", "chao-shen")]
    [1.57, 1.79, 2.05]
    """
    seen = np.asarray(counts, dtype=float)
    seen = seen[seen > 0]
    n = float(seen.sum())
    if n == 0:
        return math.nan
    if correction == "chao-shen":
        once = float((seen == 1).sum())
        # if all were given once the estimated coverage would be 0; one of them is then counted as seen again
        coverage = 1 - (once if once < n else n - 1) / n
        p = coverage * seen / n
        return float((-p * np.log2(p) / -np.expm1(n * np.log1p(-np.minimum(p, 1 - 1e-16)))).sum()) + 0.0
    plain = float(special.entr(seen / n).sum()) / math.log(2)
    if correction == "miller-madow":
        return plain + (len(seen) - 1) / (2 * n * math.log(2))
    if correction == "none":
        return plain
    raise InputError(Problem("correction", repr(correction), "none, miller-madow or chao-shen"))


def response_diversity(people: pd.DataFrame, *, keys: Sequence[str] = ("item",)) -> pd.DataFrame:
    """Describe how diverse people's responses to each item are.

    Parameters
    ----------
    people
        As in `response_distance`.
    keys
        Columns that tell items apart.

    Returns
    -------
    DataFrame
        A row an item: the keys, `n` responses, `unique` ones, the share `modal` of the most frequent, and `entropy`,
        `entropy_miller_madow` and `entropy_chao_shen` in bits.
    """
    check_one(people, keys)
    rows = []
    for key, counts in _by_item(people, keys, "count").items():
        seen = [count for count in counts.values() if count > 0]
        rows.append(
            dict(zip(keys, key, strict=True))
            | {"n": int(sum(seen)), "unique": len(seen), "modal": max(seen, default=math.nan) / (sum(seen) or math.nan)}
            | {"entropy": response_entropy(seen, "none")}
            | {f"entropy_{n.replace('-', '_')}": response_entropy(seen, n) for n in ("miller-madow", "chao-shen")}
        )
    return pd.DataFrame(rows)
