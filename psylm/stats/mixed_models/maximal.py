"""The maximal mixed model of a design, reduced by a stated rule where the data do not carry it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from psylm.stats.mixed_models.fit import Family, MixedModel, fit_mixed


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
        For each grouping, the effects that vary within it: `{"subject": ["condition"], "item": ["condition"]}`.
    family, reml
        As in `fit_mixed`.

    References
    ----------
    Barr, D. J., Levy, R., Scheepers, C., & Tily, H. J. (2013). Random effects structure for confirmatory hypothesis
    testing: Keep it maximal. Journal of Memory and Language, 68(3). Bates, D., Kliegl, R., Vasishth, S., & Baayen, H.
    (2015). Parsimonious mixed models. arXiv:1506.04967.
    """
    slopes = {group: list(terms) for group, terms in random.items()}
    steps: list[str] = []
    bars = "|"
    while True:
        formula = _formula(fixed, slopes, bars)
        fit = fit_mixed(data, formula, family=family, reml=reml)
        steps.append(f"{formula}: {fit.note or 'converged'}")
        if not fit.note or not any(slopes.values()):
            return replace(fit, steps=steps)
        if bars == "|":
            bars = "||"
        else:
            group, term = _least(fit, slopes)
            slopes[group].remove(term)


def _formula(fixed: str, slopes: Mapping[str, Sequence[str]], bars: str) -> str:
    """Write a formula.

    Examples
    --------
    >>> _formula("time ~ a", {"subject": ["a"], "item": []}, "||")
    'time ~ a + (1 + a || subject) + (1 | item)'
    """
    terms = [f"({' + '.join(['1', *some])} {bars if some else '|'} {group})" for group, some in slopes.items()]
    return " + ".join([fixed, *terms])


def _least(fit: MixedModel, slopes: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """Return the random slope whose variance is the smallest, as a share of its grouping's."""
    variances = fit.variances[fit.variances["with"] == ""]
    share = variances["value"] / variances.groupby("group")["value"].transform("sum").clip(lower=1e-300)
    found = variances.assign(share=share)
    kept = [
        (float(found[(found["group"] == group) & (found["term"] == term)]["share"].sum()), group, term)
        for group, terms in slopes.items()
        for term in terms
    ]
    return min(kept)[1:]
