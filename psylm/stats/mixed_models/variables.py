"""Columns and transformed columns that a formula names; a formula may call the functions listed here and nothing else.

Formulas come from configurations and studies of others, so nothing in them is run as Python: an expression is parsed,
and each node of its tree is looked up here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from patsy.contrasts import Diff, Helmert, Poly, Sum, Treatment

from psylm.common.errors import InputError, Problem
from psylm.stats.mixed_models.formula import outside_quotes

ELEMENTWISE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "exp": np.exp, "sqrt": np.sqrt, "abs": np.abs,
}  # fmt: skip

ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Pow: np.power,
}  # fmt: skip

CONTRASTS = {"treatment": Treatment, "sum": Sum, "helmert": Helmert, "poly": Poly, "sdif": Diff, "diff": Diff}

CALLS = (*ELEMENTWISE, "scale", "center", "poly", "I", "factor", "relevel", "C")
"""All that a formula may call."""

TICKED = "_ticked_"
"""How names begin that stood in backticks; the rest is their letters as hexadecimal numbers."""

Memory = dict[str, Any]
"""What an expression took from the data it was first evaluated with: means, spreads, levels."""


@dataclass(frozen=True)
class Variable:
    """A variable of a model.

    Parameters
    ----------
    values
        Numbers, shape (n,) or (n, k); or the codes of a factor's levels, -1 where a value is missing.
    levels
        Of a factor.
    contrast, base
        How a factor is coded where an intercept, or what stands for one, is there already; the reference level.
    """

    values: np.ndarray
    levels: tuple[str, ...] | None = None
    contrast: str = "treatment"
    base: str | None = None

    @property
    def missing(self) -> np.ndarray:
        """Rows without a value."""
        if self.levels is not None:
            return np.asarray(self.values < 0)
        return np.asarray(np.isnan(self.values) if self.values.ndim == 1 else np.isnan(self.values).any(axis=1))

    def coded(self, label: str, *, full: bool) -> tuple[np.ndarray, list[str]]:
        """Return columns and their names: of numbers as they are; of a factor by its contrasts, or one a level."""
        if self.levels is None:
            values = self.values.reshape(len(self.values), -1)
            names = [label] if self.values.ndim == 1 else [f"{label}{one + 1}" for one in range(values.shape[1])]
            return values, names
        if full:
            return np.asarray(np.eye(len(self.levels))[self.values]), [f"{label}{level}" for level in self.levels]
        if len(self.levels) < 2:  # R: contrasts need two levels
            return np.empty((len(self.values), 0)), []
        kind = CONTRASTS[self.contrast]
        chosen = Treatment(self.levels.index(self.base) if self.base else 0) if kind is Treatment else kind()
        matrix = chosen.code_without_intercept(list(self.levels))
        suffixes = [re.sub(r"^\[T\.(.*)\]$", r"\1", suffix, flags=re.DOTALL) for suffix in matrix.column_suffixes]
        return matrix.matrix[self.values], [label + suffix for suffix in suffixes]


def columns_in(expressions: Iterable[str]) -> list[str]:
    """Return the columns that expressions need, in order.

    Examples
    --------
    >>> columns_in(["log(rt)", "a", "I(x^2 + word.length)", "C(f, Treatment('b'))"])
    ['rt', 'a', 'x', 'word.length', 'f']
    """
    return list(dict.fromkeys(name for one in expressions for name in _names(_tree(one))))


def _names(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Name | ast.Attribute):
        yield _dotted(node)
    elif isinstance(node, ast.Call):
        coding = isinstance(node.func, ast.Name) and node.func.id in ("C", "relevel")
        for argument in node.args[: 1 if coding else None]:
            yield from _names(argument)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _names(child)


def evaluate(expression: str, data: pd.DataFrame, memory: Memory) -> Variable:
    """Evaluate a column's name or an expression of a formula.

    Parameters
    ----------
    expression
        `x`, `log(x)`, `scale(x)`, `I(x^2)`, `rt / 1000`, `C(f, Sum)`, `relevel(f, ref="b")`, …
    data
        A row an observation. Text, categories and truth values are factors: categories in their order, text sorted.
    memory
        What the expression takes from the data is kept here, and taken from here where it is there.

    Raises
    ------
    InputError
        It names no column, calls what it may not, or does arithmetic with text.

    Examples
    --------
    >>> data = pd.DataFrame({"x": [1.0, 2.0, 3.0], "f": ["b", "a", "b"]})
    >>> memory = {}
    >>> evaluate("scale(x)", data, memory).values.tolist(), evaluate("f", data, memory).levels
    ([-1.0, 0.0, 1.0], ('a', 'b'))
    >>> evaluate("scale(x)", pd.DataFrame({"x": [4.0]}), memory).values.tolist()
    [2.0]
    """
    tree = _tree(expression)
    with np.errstate(all="ignore"):  # what is not finite is found by `Variables`
        return _Evaluation(expression, data, memory).of(tree)


@lru_cache(maxsize=1024)
def _tree(expression: str) -> ast.expr:
    """Parse an expression; a name in backticks, which Python does not have, becomes one that it has."""
    python = re.sub(r"`([^`]*)`", lambda name: TICKED + name[1].encode().hex(), outside_quotes(expression, {"^": "**"}))
    try:
        return ast.parse(python.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        if re.fullmatch(r"[\w.]+", expression):
            return ast.Name(expression)  # a column's name that is a word of Python's
        raise InputError(Problem(f"expression {expression!r}", "what cannot be read", "a column or a call")) from None


def _dotted(node: ast.AST) -> str:
    """Return a name with points in it, as R has them."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Name):
        return bytes.fromhex(node.id.removeprefix(TICKED)).decode() if node.id.startswith(TICKED) else node.id
    raise InputError(Problem(f"expression {ast.unparse(node)!r}", "something else", "a column's name"))


@dataclass(frozen=True)
class _Evaluation:
    """The evaluation of one expression; every node that is not named here is refused."""

    expression: str
    data: pd.DataFrame
    memory: Memory

    def of(self, node: ast.expr) -> Variable:
        if isinstance(node, ast.Name | ast.Attribute):
            return self.column(_dotted(node))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and type(node.value) is not bool:
            return Variable(np.full(len(self.data), float(node.value)))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = self.numbers(node.operand)
            return Variable(-value if isinstance(node.op, ast.USub) else value)
        if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            return Variable(np.asarray(ARITHMETIC[type(node.op)](self.numbers(node.left), self.numbers(node.right))))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS and node.args:
            return self.call(node, node.func.id)
        raise self.wrong(ast.unparse(node), f"columns, numbers, + - * / ^ and {', '.join(CALLS)}")

    def call(self, node: ast.Call, name: str) -> Variable:
        argument, given = node.args[0], [*node.args[1:], *(keyword.value for keyword in node.keywords)]
        if name in (*ELEMENTWISE, "I", "center", "scale") and given:
            raise self.wrong(ast.unparse(node), f"one column for {name}")
        if name == "I":
            return Variable(self.numbers(argument))
        if name in ELEMENTWISE:
            return Variable(ELEMENTWISE[name](self.numbers(argument)))
        if name in ("scale", "center"):
            values = self.numbers(argument)
            mean, spread = self.remembered(node, lambda: (np.nanmean(values), np.nanstd(values, ddof=1)))
            return Variable((values - mean) / (spread if name == "scale" else 1.0))
        if name == "poly":
            degree = self.constant(given, int, "a degree: poly(x, 2)")
            return Variable(self.polynomial(node, self.numbers(argument), degree))
        factor = self.factor(argument)
        assert factor.levels is not None
        if name == "factor" and not given:
            return factor
        if name == "relevel":
            level = self.constant(given, str, f"a level: relevel({ast.unparse(argument)}, ref='{factor.levels[0]}')")
            return self.first(factor, level)
        if name == "C" and len(given) < 2:
            return self.contrasts(factor, given[0]) if given else factor
        raise self.wrong(ast.unparse(node), f"fewer arguments of {name}")

    def first(self, factor: Variable, level: str) -> Variable:
        """Put a level in front of the others."""
        assert factor.levels is not None
        self.check_level(factor, level)
        levels = (level, *(one for one in factor.levels if one != level))
        moved = np.array([*(levels.index(one) for one in factor.levels), -1])
        return Variable(moved[factor.values], levels)

    def contrasts(self, factor: Variable, how: ast.expr) -> Variable:
        called, given = how, []
        if isinstance(how, ast.Call):
            called, given = how.func, [*how.args, *(keyword.value for keyword in how.keywords)]
        name = _dotted(called).lower().removeprefix("contr.")
        if name not in CONTRASTS or (given and name != "treatment"):
            expected = "one of Treatment, Treatment('level'), Sum, Helmert, Poly, Diff"
            raise self.wrong(ast.unparse(how), expected)
        base = self.constant(given, str, "a level: Treatment('level')") if given else None
        if base is not None:
            self.check_level(factor, base)
        return replace(factor, contrast=name, base=base)

    def check_level(self, factor: Variable, level: str) -> None:
        assert factor.levels is not None
        if level not in factor.levels:
            raise self.wrong(f"the level {level!r}", "one of " + ", ".join(factor.levels))

    def constant(self, nodes: list[ast.expr], kind: type, expected: str) -> Any:
        if len(nodes) == 1 and isinstance(nodes[0], ast.Constant) and type(nodes[0].value) is kind:
            return nodes[0].value
        raise self.wrong(", ".join(map(ast.unparse, nodes)) or "nothing", expected)

    def polynomial(self, node: ast.expr, values: np.ndarray, degree: int) -> np.ndarray:
        """Return orthogonal polynomials as R's `poly` does: columns of length 1, without the constant."""
        if not 1 <= degree <= 6:
            raise self.wrong(f"degree {degree}", "1 to 6")

        def basis() -> tuple[float, float, np.ndarray]:
            known = values[~np.isnan(values)]
            mean, spread = float(known.mean()), float(known.std()) or 1.0
            r = np.linalg.qr(np.vander((known - mean) / spread, degree + 1, increasing=True), mode="r")
            return mean, spread, np.linalg.pinv(r * np.sign(np.diag(r))[:, None])

        mean, spread, inverse = self.remembered(node, basis)
        return np.asarray(np.vander((values - mean) / spread, degree + 1, increasing=True) @ inverse)[:, 1:]

    def numbers(self, node: ast.expr) -> np.ndarray:
        found = self.of(node)
        if found.levels is not None or found.values.ndim > 1:
            raise self.wrong(f"{ast.unparse(node)}, which is no column of numbers", "a column of numbers")
        return found.values

    def factor(self, node: ast.expr) -> Variable:
        """Return a factor; of a column of numbers, with a level a value."""
        found = self.of(node)
        if found.levels is not None:
            return found
        if found.values.ndim > 1:
            raise self.wrong(ast.unparse(node), "one column")
        levels = self.remembered(node, lambda: tuple(map(_label, np.unique(found.values[~np.isnan(found.values)]))))
        codes = pd.Categorical([None if np.isnan(one) else _label(one) for one in found.values], categories=levels)
        return Variable(np.asarray(codes.codes, dtype=int), tuple(levels))

    def remembered(self, node: ast.expr, compute: Callable[[], Any]) -> Any:
        """Return what a call took from the data that it was first evaluated with."""
        key = f"{self.expression}: {ast.unparse(node)}"
        if key not in self.memory:
            self.memory[key] = compute()
        return self.memory[key]

    def column(self, name: str) -> Variable:
        if name not in self.data:
            raise self.wrong(name, "one of " + ", ".join(map(str, self.data.columns)))
        return variable_of(self.data[name], name, self.memory)

    def wrong(self, found: str, expected: str) -> InputError:
        return InputError(Problem(f"formula, {self.expression!r}", found, expected))


def _label(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def variable_of(column: pd.Series, name: str, memory: Memory) -> Variable:
    """Return a column's numbers, or its levels where it holds text, categories or truth values."""
    kind = "categorical" if isinstance(column.dtype, pd.CategoricalDtype) else pd.api.types.infer_dtype(column)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal", "empty"):
        return Variable(column.to_numpy(dtype=float, na_value=np.nan))
    if kind not in ("categorical", "string", "boolean"):
        raise InputError(
            Problem(f"column {name!r}", f"values of kind {kind}", "numbers, text, categories or True/False")
        )
    if kind == "categorical":
        own = [level if isinstance(level, str) else _text(level) for level in column.cat.categories]
    else:
        own = sorted(map(_text, column.dropna().unique()))
    levels = memory.setdefault(f"levels of {name}", tuple(own))
    codes = pd.Categorical(column.map(_text, na_action="ignore").astype(object), categories=list(levels)).codes
    return Variable(np.asarray(codes, dtype=int), levels)


def _text(value: object) -> str:
    return _label(value) if isinstance(value, float) else str(value)


class Variables:
    """The variables of a formula: evaluated over all rows, then without the rows in which one is missing.

    Parameters
    ----------
    expressions
        What to evaluate.
    data
        A row an observation.
    others
        Columns in which no value may be missing either: groupings.
    place
        For messages.

    Attributes
    ----------
    kept
        Which rows of the data are used.
    missing
        For each column or expression, how many rows it lacks.
    """

    def __init__(
        self, expressions: Iterable[str], data: pd.DataFrame, others: Iterable[str] = (), *, place: str = "formula"
    ) -> None:
        expressions, others = list(expressions), list(others)
        self.columns = columns_in(expressions)
        absent = sorted({name for name in (*self.columns, *others) if name not in data})
        if absent:
            raise InputError(Problem(place, ", ".join(absent), "one of " + ", ".join(map(str, data.columns))))
        double = [name for name in (*self.columns, *others) if list(data.columns).count(name) > 1]
        if double:
            raise InputError(Problem(f"{place}, column {double[0]!r}", "several of this name", "one"))
        self.memory: Memory = {}
        found = {one: evaluate(one, data, self.memory) for one in expressions}
        lacking = {one: variable.missing for one, variable in found.items()}
        lacking |= {one: data[one].isna().to_numpy() for one in others}
        self.missing = {one: int(rows.sum()) for one, rows in lacking.items() if rows.any()}
        self.kept = ~np.logical_or.reduce([*lacking.values(), np.zeros(len(data), dtype=bool)])
        self.found = {
            one: _used(replace(variable, values=variable.values[self.kept])) for one, variable in found.items()
        }
        infinite = {
            one: int((~np.isfinite(variable.values)).sum())
            for one, variable in self.found.items()
            if variable.levels is None
        }
        problems = [
            Problem(f"formula, {one!r}", f"infinity in {n} rows", "numbers") for one, n in infinite.items() if n
        ]
        if problems:
            raise InputError(*problems)

    def __getitem__(self, expression: str) -> Variable:
        return self.found[expression]

    def at(self, data: pd.DataFrame, expressions: Iterable[str]) -> Mapping[str, Variable]:
        """Evaluate expressions at other values, with the means, spreads and levels of the data that were fitted."""
        found = {}
        for one in expressions:
            variable, known = evaluate(one, data, self.memory), self.found[one]
            if variable.levels is not None and known.levels is not None:
                place = np.array([known.levels.index(x) if x in known.levels else -1 for x in variable.levels])
                variable = replace(known, values=place[variable.values])
            found[one] = variable
        return found


def _used(variable: Variable) -> Variable:
    """Leave out levels that no row has."""
    if variable.levels is None:
        return variable
    used = np.unique(variable.values)
    levels = tuple(variable.levels[one] for one in used)
    base = variable.base if variable.base in levels else None
    return replace(variable, values=np.searchsorted(used, variable.values), levels=levels, base=base)
