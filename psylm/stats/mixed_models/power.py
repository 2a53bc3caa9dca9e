"""How many subjects and items a replication with people needs for an effect of a given size, by simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from itertools import product
from multiprocessing import get_context
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from psylm.common.errors import InputError, Problem
from psylm.common.progress import Listener, Silent
from psylm.stats.inference.intervals import proportion_interval
from psylm.stats.mixed_models.emmeans import reference_grid
from psylm.stats.mixed_models.fit import MixedModel, fit_mixed
from psylm.stats.mixed_models.formula import Terms
from psylm.stats.mixed_models.model_frame import ModelFrame
from psylm.stats.mixed_models.variables import columns_in

Design = Literal["latin_square", "crossed", "items_between"]
"""Whether a subject sees each item once, in one of the two conditions (`latin_square`), or in both (`crossed`), or each
item has one condition only (`items_between`)."""

ALPHA = 0.05


@dataclass(frozen=True)
class Components:
    """Standard deviations of what people's responses are made of, in the response's unit.

    Parameters
    ----------
    subject, item
        Of subjects' and items' means.
    subject_slope, item_slope
        Of subjects' and items' own effects of the condition.
    residual
        Of single responses.
    """

    subject: float
    item: float
    subject_slope: float
    item_slope: float
    residual: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value >= 0 or (field.name == "residual" and value == 0):
                raise InputError(Problem(f"standard deviation {field.name}", repr(value), "a number, not below 0"))


def components_of(fit: MixedModel, condition: str, *, subject: str = "subject", item: str = "item") -> Components:
    """Take the components out of a model that was fitted to earlier data: a pilot, or a published data set.

    However the condition was coded (−0.5 and 0.5, 0 and 1, text, by sums), means and effects of subjects and items are
    those that the model expects at its two levels.

    Parameters
    ----------
    fit
        A linear model of single responses.
    condition
        The column of the condition, which has two levels and is in the fixed effects. A random slope that the model
        lacks counts as 0.
    subject, item
        Its groupings.

    Raises
    ------
    InputError
        The model is not linear, the condition is not in it or has not two levels, or a grouping is not there.
    """
    frame = fit.frame
    if frame is None or fit.family != "gaussian":
        raise InputError(Problem("fit", f"a {fit.family} model", "a linear model that fit_mixed returned"))
    columns = columns_in(frame.formula.fixed.factors)
    name = condition.strip("`")
    if name not in columns:
        raise InputError(Problem(f"condition {condition!r}", "no such term", "one of " + ", ".join(columns)))
    if len(frame.settings[name]) != 2:
        found = f"{len(frame.settings[name])} levels" if len(frame.settings[name]) > 2 else "no two levels"
        raise InputError(Problem(f"condition {condition!r}", found, "two"))
    for group in (subject, item):
        if group not in fit.groups:
            raise InputError(Problem(f"grouping {group!r}", "no such grouping", "one of " + ", ".join(fit.groups)))
    variance = {group: np.zeros(2) for group in (subject, item)}
    for block, covariance in zip(frame.blocks, fit.random, strict=True):
        if block.bar.name in variance:
            variance[block.bar.name] += _of_means_and_effects(frame, block.bar.terms, name, covariance)
    residual = float(fit.variances.loc[fit.variances["group"] == "residual", "value"].iloc[0])
    sds = {group: np.sqrt(values) for group, values in variance.items()}
    return Components(
        subject=float(sds[subject][0]),
        item=float(sds[item][0]),
        subject_slope=float(sds[subject][1]),
        item_slope=float(sds[item][1]),
        residual=math.sqrt(residual),
    )


def _of_means_and_effects(frame: ModelFrame, terms: Terms, condition: str, covariance: np.ndarray) -> np.ndarray:
    """Return the variances of a random term's mean over the two levels of the condition, and of their difference."""
    grid = reference_grid(frame, terms)
    if condition in grid.points:
        first, second = (
            grid.design[(grid.points[condition] == level).to_numpy()].mean(axis=0)
            for level in frame.settings[condition]
        )
    else:
        first = second = grid.design.mean(axis=0)
    weights = np.stack([(first + second) / 2, second - first])
    return np.asarray(np.einsum("ij,jk,ik->i", weights, covariance, weights))


def simulate(
    effect: float, components: Components, subjects: int, items: int, *, design: Design, random: np.random.Generator
) -> pd.DataFrame:
    """Simulate one experiment with two conditions.

    Parameters
    ----------
    effect
        Difference between the conditions.
    components
        What varies.
    subjects, items
        How many; items in all.
    design
        Who sees what.
    random
        Source of the random numbers.

    Returns
    -------
    DataFrame
        `subject`, `item`, `condition` (−0.5 and 0.5) and `response`; subjects and items are independent and normal.

    Examples
    --------
    >>> sds = Components(subject=60, item=30, subject_slope=15, item_slope=10, residual=100)
    >>> table = simulate(20, sds, 4, 6, design="latin_square", random=np.random.default_rng(1))
    >>> len(table), table.groupby("subject")["condition"].sum().tolist()
    (24, [0.0, 0.0, 0.0, 0.0])
    """
    subject, item = (grid.ravel() for grid in np.meshgrid(np.arange(subjects), np.arange(items), indexing="ij"))
    if design == "crossed":
        subject, item = np.repeat(subject, 2), np.repeat(item, 2)
        condition = np.tile([-0.5, 0.5], subjects * items)
    else:
        condition = np.where((subject + item if design == "latin_square" else item) % 2 == 0, -0.5, 0.5)
    s = random.normal(0, 1, (subjects, 2)) * [components.subject, components.subject_slope]
    i = random.normal(0, 1, (items, 2)) * [components.item, components.item_slope]
    slope = effect + s[subject, 1] + i[item, 1]
    response = s[subject, 0] + i[item, 0] + condition * slope + random.normal(0, components.residual, len(subject))
    return pd.DataFrame(
        {"subject": subject.astype(str), "item": item.astype(str), "condition": condition, "response": response}
    )


def power_table(
    effect: float,
    components: Components,
    subjects: Sequence[int],
    items: Sequence[int],
    *,
    design: Design = "latin_square",
    simulations: int = 500,
    seed: int = 1,
    workers: int = 1,
    progress: Listener | None = None,
) -> pd.DataFrame:
    """Return the power of experiments of several sizes.

    Each simulated experiment is analysed by a linear mixed model with uncorrelated random intercepts and slopes of
    subjects and items (where the design lets them be estimated), and counts as a success where the effect has the right
    sign and Satterthwaite's p is below .05.

    Parameters
    ----------
    effect, components, design
        As in `simulate`.
    subjects, items
        The numbers to try, in all combinations.
    simulations
        Experiments a combination.
    seed
        Seed; each simulated experiment has numbers of its own, so the table does not depend on `workers`.
    workers
        Processes.
    progress
        Is notified of each experiment that is done.

    Returns
    -------
    DataFrame
        A row a combination: `subjects`, `items`, `power` with its 95% interval (`low`, `high`: Wilson, of the
        simulation), `analytic` (`analytic_power`), `singular` (share of fits without some variance) and `simulations`.

    Raises
    ------
    InputError
        A number is too small for the design.

    References
    ----------
    Brysbaert, M., & Stevens, M. (2018). Power analysis and effect size in mixed effects models: A tutorial. Journal of
    Cognition, 1(1). Green, P., & MacLeod, C. J. (2016). SIMR. Methods in Ecology and Evolution, 7.
    """
    sizes = list(product(subjects, items))
    for n_subjects, n_items in sizes:
        _check(n_subjects, n_items, design)
    if simulations < 1:
        raise InputError(Problem("simulations", str(simulations), "1 or more"))
    one = partial(_succeeds, effect, components, design, seed)
    jobs = [(*size, number) for size in sizes for number in range(simulations)]
    progress = progress or Silent()
    progress.begin("power", len(jobs), 0, "experiments to simulate")
    outcomes = []
    with ExitStack() as stack:
        if workers > 1:  # spawned: a copy of a process with threads may hang
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
            stream = pool.map(one, jobs, chunksize=16)
        else:
            stream = map(one, jobs)
        for outcome in stream:
            outcomes.append(outcome)
            progress.advance(1)
    found = pd.DataFrame(outcomes, columns=["success", "singular"])
    rows = []
    for place, (n_subjects, n_items) in enumerate(sizes):
        mine = found.iloc[place * simulations : (place + 1) * simulations]
        share, low, high = proportion_interval(int(mine["success"].sum()), simulations)
        rows.append(
            {
                "subjects": n_subjects, "items": n_items, "power": share, "low": low, "high": high,
                "analytic": analytic_power(effect, components, n_subjects, n_items, design=design),
                "singular": float(mine["singular"].mean()), "simulations": simulations,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _check(subjects: int, items: int, design: Design) -> None:
    if design not in get_args(Design):
        raise InputError(Problem("design", repr(design), "one of " + ", ".join(get_args(Design))))
    for name, number in (("subjects", subjects), ("items", items)):
        if number < 4:
            raise InputError(Problem(name, str(number), "4 or more"))
        if (design == "latin_square" and number % 2) or (design == "items_between" and name == "items" and number % 2):
            raise InputError(Problem(name, f"{number}, an odd number", f"an even number for the design {design}"))


RANDOM = {
    "latin_square": "(1 + condition || subject) + (1 + condition || item)",
    "crossed": "(1 + condition || subject) + (1 + condition || item)",
    "items_between": "(1 + condition || subject) + (1 | item)",
}


def _succeeds(
    effect: float, components: Components, design: Design, seed: int, job: tuple[int, int, int]
) -> tuple[bool, bool]:
    """Simulate and test one experiment; returns whether the effect was found, and whether the fit was singular."""
    subjects, items, number = job
    random = np.random.default_rng([seed, subjects, items, number])
    data = simulate(effect, components, subjects, items, design=design, random=random)
    fit = fit_mixed(data, f"response ~ condition + {RANDOM[design]}")
    row = fit.fixed.set_index("term").loc["condition"]
    return bool(row["p"] < ALPHA and fit.converged and row["estimate"] * math.copysign(1, effect) > 0), fit.singular


def analytic_power(effect: float, components: Components, subjects: int, items: int, *, design: Design) -> float:
    """Return the power by the noncentral t distribution; what a simulation should come near to.

    Parameters
    ----------
    effect, components, subjects, items, design
        As in `simulate`.

    Returns
    -------
    float
        Probability that the effect is found, in the right direction, at α = .05, two-sided.

    References
    ----------
    Westfall, J., Kenny, D. A., & Judd, C. M. (2014). Statistical power and optimal design in experiments in which
    samples of participants respond to samples of stimuli. Journal of Experimental Psychology: General, 143, 2020-2045.

    Examples
    --------
    >>> sds = Components(subject=60, item=30, subject_slope=15, item_slope=10, residual=100)
    >>> [round(analytic_power(20, sds, n, 24, design="latin_square"), 2) for n in (20, 40, 80)]
    [0.46, 0.75, 0.95]
    """
    c = components
    residual = c.residual**2 * (2 if design == "crossed" else 4) / (subjects * items)
    of_subjects = c.subject_slope**2 / subjects
    of_items = 4 * (c.item**2 + c.item_slope**2 / 4) / items if design == "items_between" else c.item_slope**2 / items
    # Mean squares in units of the variance of the estimate, and Satterthwaite's degrees of freedom of their sum.
    df_subjects, df_items = subjects - 1, items - (2 if design == "items_between" else 1)
    a, b = of_subjects + residual, of_items + residual
    df = (a + b - residual) ** 2 / (a**2 / df_subjects + b**2 / df_items + residual**2 / (df_subjects * df_items))
    ncp = abs(effect) / math.sqrt(of_subjects + of_items + residual)
    return float(stats.nct.sf(stats.t.ppf(1 - ALPHA / 2, df), df, ncp))
