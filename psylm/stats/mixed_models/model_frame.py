"""What a formula and data make: the response, the design matrices, the groupings, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.stats.inference.one_model import check_one
from psylm.stats.mixed_models.formula import Bar, Formula, parse
from psylm.stats.mixed_models.model_matrix import ModelMatrix, independent, model_matrix
from psylm.stats.mixed_models.variables import Variables, columns_in, variable_of

Family = Literal["gaussian", "binomial"]


class TooManyEffectsError(InputError):
    """As many random effects as observations, or more: their variance and the residual's cannot be told apart."""


@dataclass(frozen=True)
class Block:
    """A random term with its data: design matrix, code of each observation's level, and number of levels."""

    bar: Bar
    matrix: ModelMatrix
    codes: np.ndarray
    levels: int


@dataclass(frozen=True)
class ModelFrame:
    """The data of a mixed model.

    Parameters
    ----------
    formula
        As it was read.
    variables
        Its variables, without the rows in which one is missing.
    response
        One number an observation.
    fixed
        The fixed effects' design matrix, all columns of it.
    kept
        Those of its columns that earlier ones do not determine.
    blocks
        The random terms.
    rows
        How many rows the data have.
    settings
        The values at which each column's effects are shown: a factor's levels, two numbers, or the mean.
    """

    formula: Formula
    variables: Variables
    response: np.ndarray
    fixed: ModelMatrix
    kept: list[int]
    blocks: tuple[Block, ...]
    rows: int
    settings: dict[str, list[Any]]

    @property
    def n(self) -> int:
        """Observations."""
        return len(self.response)

    @property
    def x(self) -> np.ndarray:
        """The columns that are kept, shape (observations, columns)."""
        return self.fixed.values[:, self.kept]

    @property
    def names(self) -> list[str]:
        """Names of the columns that are kept."""
        return [self.fixed.names[one] for one in self.kept]

    @property
    def groups(self) -> dict[str, int]:
        """Levels of each grouping."""
        return {block.bar.name: block.levels for block in self.blocks}

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Rows and columns that were left out, in words."""
        said = []
        if self.rows > self.n:
            where = ", ".join(f"{name}: {count}" for name, count in self.variables.missing.items())
            said.append(f"{self.rows - self.n} of {self.rows} rows left out, for missing values ({where})")
        dropped = [name for number, name in enumerate(self.fixed.names) if number not in self.kept]
        if dropped:
            said.append(f"left out, since the columns before determine them: {', '.join(dropped)}")
        single = [
            one
            for one in self.formula.fixed.factors
            if self.variables[one].levels and len(self.variables[one].levels or ()) < 2
        ]
        if single:
            said.append(f"left out, since they have one level only: {', '.join(single)}")
        return tuple(said)


def model_frame(data: pd.DataFrame, text: str, family: Family = "gaussian") -> ModelFrame:
    """Read a formula, evaluate it over data, and refuse what no mixed model can be fitted to, as lme4 does.

    Raises
    ------
    InputError
        The formula cannot be read, names what is not there, or the data are of no use for it.
    """
    if family not in get_args(Family):
        raise InputError(Problem("family", repr(family), "one of " + ", ".join(get_args(Family))))
    formula = parse(text)
    place = f"formula {text!r}"
    random = [factor for bar in formula.random for factor in bar.terms.factors]
    if formula.response in (*formula.fixed.factors, *random):
        raise InputError(Problem(place, f"the response {formula.response} on both sides", "predictors on the right"))
    groups = list(dict.fromkeys(name for bar in formula.random for name in bar.group))
    variables = Variables(formula.expressions, data, groups, place=place)
    check_one(data, [*variables.columns, *groups])
    n = int(variables.kept.sum())
    if n == 0:
        lacking = "".join(f", {name} lacks {count}" for name, count in variables.missing.items())
        found = f"no row of {len(data)} that has a value in every column{lacking}"
        raise InputError(Problem(place, found, "complete rows"))
    fixed = model_matrix(formula.fixed, variables.found, n)
    blocks = []
    for bar in formula.random:
        keys = data.loc[variables.kept, list(bar.group)]
        codes = keys.groupby(list(bar.group), observed=True, sort=True).ngroup().to_numpy()
        blocks.append(Block(bar, model_matrix(bar.terms, variables.found, n), codes, int(codes.max()) + 1))
    response = _response(formula.response, variables, family, place)
    frame = ModelFrame(
        formula,
        variables,
        response,
        fixed,
        independent(fixed.values),
        tuple(blocks),
        len(data),
        _settings(data, variables),
    )
    _check(frame, family, place)
    return frame


def _settings(data: pd.DataFrame, variables: Variables) -> dict[str, list[Any]]:
    """Return the levels of factors and of columns that are used as factors, both of two numbers, or the mean."""
    as_factors = {name for one, found in variables.found.items() if found.levels for name in columns_in([one])}
    settings: dict[str, list[Any]] = {}
    for name in variables.columns:
        column = variable_of(data[name], name, {})
        values = column.values[variables.kept]
        used = np.unique(values)
        if column.levels is not None:
            settings[name] = [column.levels[one] for one in used]
        else:
            settings[name] = used.tolist() if len(used) == 2 or name in as_factors else [float(values.mean())]
    return settings


def _response(expression: str, variables: Variables, family: Family, place: str) -> np.ndarray:
    """Return the response's numbers; of two levels, 1 for the second."""
    found = variables[expression]
    values = found.values
    if family == "binomial" and found.levels is not None and len(found.levels) <= 2:
        values = values.astype(float)
    elif found.levels is not None or values.ndim > 1:
        expected = "0 and 1, or two levels" if family == "binomial" else "a column of numbers"
        raise InputError(Problem(f"{place}, response {expression}", "no such numbers", expected))
    elif family == "binomial" and not np.isin(values, (0, 1)).all():
        other = float(values[~np.isin(values, (0, 1))][0])
        raise InputError(Problem(f"{place}, response {expression}", f"{other:g}", "0 and 1, or two levels"))
    if np.ptp(values) <= 1e-14 * np.abs(values).max():
        raise InputError(
            Problem(f"{place}, response {expression}", f"the same in all {len(values)} rows", "values that vary")
        )
    return np.asarray(values, dtype=float)


def _check(frame: ModelFrame, family: Family, place: str) -> None:
    """Refuse what lme4 refuses: a grouping of one level, and as many random effects as observations."""
    n = frame.n
    for block in frame.blocks:
        name = block.bar.name
        if block.levels < 2:
            raise InputError(Problem(f"{place}, grouping {name}", "one level", "two or more"))
        if not block.matrix.names:
            raise InputError(Problem(f"{place}, grouping {name}", "nothing that varies", "an intercept or a slope"))
        effects = block.levels * (len(block.matrix.names) if block.bar.correlated else 1)
        if effects > n or (effects == n and family == "gaussian"):
            found = f"{effects} random effects ({block.levels} levels) for {n} observations"
            raise TooManyEffectsError(Problem(f"{place}, grouping {name}", found, "fewer than observations"))
    if family == "gaussian" and n <= len(frame.kept):
        raise InputError(Problem(place, f"{len(frame.kept)} fixed effects for {n} observations", "fewer"))
