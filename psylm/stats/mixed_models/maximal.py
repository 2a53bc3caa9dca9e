"""The maximal mixed model of a design, reduced by a stated rule where the data do not carry it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.stats.mixed_models.fit import MixedModel, fit_mixed
from psylm.stats.mixed_models.formula import Factors, quoted, terms_of
from psylm.stats.mixed_models.model_frame import Family, TooManyEffectsError
from psylm.stats.mixed_models.variables import evaluate


def fit_maximal(
    data: pd.DataFrame,
    fixed: str,
    random: Mapping[str, Sequence[str]],
    *,
    family: Family = "gaussian",
    reml: bool = True,
) -> MixedModel:
    """Fit the maximal model of a design, and reduce its random effects until it converges and is not singular.

    The rule: first without correlations; then, one at a time, without the random slope that has the smallest variance
    for its grouping; random intercepts stay. What was done is in `steps`.

    Parameters
    ----------
    data
        One row an observation.
    fixed
        Response and fixed effects: `time ~ condition`.
    random
        For each grouping, the effects that vary within it: `{"subject": ["condition"], "item": ["condition"]}`; each is
        a term of `fixed`. A factor's slopes stay or go together.
    family, reml
        As in `fit_mixed`.

    Raises
    ------
    InputError
        A name is not a term of the fixed effects; otherwise as `fit_mixed`.

    References
    ----------
    Barr, D. J., Levy, R., Scheepers, C., & Tily, H. J. (2013). Random effects structure for confirmatory hypothesis
    testing: Keep it maximal. Journal of Memory and Language, 68(3). Bates, D., Kliegl, R., Vasishth, S., & Baayen, H.
    (2015). Parsimonious mixed models. arXiv:1506.04967.
    """
    slopes = {group: _known(fixed, terms) for group, terms in random.items()}
    steps: list[str] = []
    bars = "|"
    while True:
        formula = _formula(fixed, slopes, bars, data)
        try:
            fit = fit_mixed(data, formula, family=family, reml=reml)
        except TooManyEffectsError as error:
            if bars == "||" or not any(slopes.values()):
                raise
            steps.append(f"{formula}: {error.problems[0].found}")
            bars = "||"
            continue
        steps.append(f"{formula}: {fit.trouble or 'converged'}")
        if not fit.trouble or not any(slopes.values()):
            return replace(fit, steps=steps)
        if bars == "|":
            bars = "||"
        else:
            group, term = _least(fit, slopes)
            slopes[group].remove(term)


Slopes = Mapping[str, Sequence[Factors]]
"""For each grouping, the terms whose effects vary in it."""


def _known(fixed: str, names: Sequence[str]) -> list[Factors]:
    """Return the fixed effects' terms that names stand for.

    Examples
    --------
    >>> _known("y ~ cond * x", ["cond", "x:cond"])
    [('cond',), ('cond', 'x')]
    """
    terms = terms_of(fixed.partition("~")[2], fixed)
    by_factors = {frozenset(term): term for term in terms.terms}
    found = []
    for name in names:
        named = terms_of(name).terms
        term = by_factors.get(frozenset(named[0])) if len(named) == 1 else None
        if term is None:
            raise InputError(Problem(f"random slope {name!r}", "no such term", "one of " + ", ".join(terms.labels)))
        found.append(term)
    return found


def _formula(fixed: str, slopes: Slopes, bars: str, data: pd.DataFrame) -> str:
    """Write a formula.

    Without correlations, factors are coded by sums in the random effects: an intercept that is the mean of the levels
    can be independent of their differences; one that is the mean of the reference level can not, and a model that says
    so finds effects that are not there.

    Examples
    --------
    >>> data = pd.DataFrame({"a": [-0.5, 0.5], "b": ["p", "q"]})
    >>> _formula("time ~ a", {"subject": [("a",)], "item": []}, "||", data)
    'time ~ a + (1 + a || subject) + (1 | item)'
    >>> _formula("time ~ b", {"subject": [("b",)]}, "||", data)
    'time ~ b + (1 + C(b, Sum) || subject)'
    """
    terms = []
    for group, some in slopes.items():
        shown = [":".join(_coded(one, data) if bars == "||" else one for one in term) for term in some]
        terms.append(f"({' + '.join(['1', *shown])} {bars if some else '|'} {quoted(group)})")
    return " + ".join([fixed, *terms])


def _coded(factor: str, data: pd.DataFrame) -> str:
    """Code a factor by sums, unless its own contrasts are centred already."""
    found = evaluate(factor, data, {})
    return f"C({factor}, Sum)" if found.levels is not None and found.contrast == "treatment" else factor


def _least(fit: MixedModel, slopes: Slopes) -> tuple[str, Factors]:
    """Return the random slope whose variance is the smallest, as a share of its grouping's."""
    assert fit.frame is not None
    kept = []
    for (group, terms), block, covariance in zip(slopes.items(), fit.frame.blocks, fit.random, strict=True):
        # the first is the intercept; the others are in the order of the terms, main effects first
        order = sorted(terms, key=len)
        labels = list(dict.fromkeys(block.matrix.labels[1:]))
        for term, label in zip(order, labels, strict=True):
            mine = [number for number, one in enumerate(block.matrix.labels) if one == label]
            share = covariance[mine, mine].sum() / max(float(np.trace(covariance)), 1e-300)
            kept.append((float(share), group, term))
    return min(kept)[1:]
