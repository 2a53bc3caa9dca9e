"""Predictions of a test suite: formulas over the surprisal of regions, as SyntaxGym's suites have them.

A formula such as `[(6;%sing%) < (6;%plural%)] & [(7;%sing%) - (7;%plural%) < 0]` is read by the parser below and
evaluated item by item; nothing of it is ever run as code.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from psylm.common.errors import InputError, Problem

TOKEN = re.compile(
    r"\s*(?:\(\s*(?P<region>[\w*]+)\s*;\s*%(?P<condition>[^%]+)%\s*\)|(?P<number>\d+(?:\.\d+)?)|(?P<mark>[\[\]()<>=&|+*-]))"
)


class Operator(NamedTuple):
    """How tightly an operator binds, what it computes, and whether its operands and result are true or false."""

    strength: int
    function: Callable[[Any, Any], Any]
    joins_truths: bool
    gives_truth: bool


OPERATORS = {
    "|": Operator(1, operator.or_, True, True),
    "&": Operator(2, operator.and_, True, True),
    "<": Operator(3, operator.lt, False, True),
    ">": Operator(3, operator.gt, False, True),
    "=": Operator(3, operator.eq, False, True),
    "-": Operator(4, operator.sub, False, False),
    "+": Operator(4, operator.add, False, False),
    "*": Operator(5, operator.mul, False, False),
}
CLOSING = {"(": ")", "[": "]"}
ALL = "*"
"""Stands for all regions of a sentence together."""

Place = tuple[str, str]
"""Region and condition."""


@dataclass(frozen=True)
class Number:
    """A number that stands in the formula."""

    value: float


@dataclass(frozen=True)
class Surprisal:
    """The surprisal of a region in a condition."""

    region: str
    condition: str


@dataclass(frozen=True)
class Operation:
    """An operator and its operands."""

    operator: str
    left: Formula
    right: Formula


Formula = Number | Surprisal | Operation


def parse(text: str) -> Formula:
    """Read a prediction.

    Parameters
    ----------
    text
        The formula: `(REGION;%CONDITION%)` is a surprisal, `*` as a region all of the sentence; numbers, `+ - *`,
        comparisons `< > =`, `&` and `|`; `( )` and `[ ]` group alike. Operators of one kind group from the left.

    Raises
    ------
    InputError
        It is no such formula, or is not something that is true or false.

    Examples
    --------
    >>> parse("(6;%sing%) < (6;%plural%)")
    Operation(operator='<', left=Surprisal(region='6', condition='sing'), right=Surprisal(region='6', condition=...))
    >>> parse("(6;%sing%) + 1")
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: formula '(6;%sing%) + 1': found a number; expected a comparison
    """
    tokens = list(_tokens(text))
    formula, end = _expression(text, tokens, 0, 0)
    if end < len(tokens):
        raise _problem(text, f"{tokens[end][0]!r} after the end", "an operator")
    if not _is_truth(formula):
        raise _problem(text, "a number", "a comparison")
    return formula


def places(formula: Formula) -> Iterator[Place]:
    """List the surprisals that a formula is about.

    Examples
    --------
    >>> list(places(parse("(6;%a%) < (6;%b%)")))
    [('6', 'a'), ('6', 'b')]
    """
    if isinstance(formula, Surprisal):
        yield formula.region, formula.condition
    elif isinstance(formula, Operation):
        yield from places(formula.left)
        yield from places(formula.right)


def evaluate(formula: Formula, surprisals: Mapping[Place, pd.Series]) -> Any:
    """Say for each item whether a prediction is true.

    Parameters
    ----------
    formula
        The prediction.
    surprisals
        For each region and condition, one value an item (or a single number).

    Examples
    --------
    >>> evaluate(parse("[(6;%a%) < (6;%b%)] & [(6;%b%) - (6;%a%) < 3]"), {("6", "a"): 2.0, ("6", "b"): 4.5})
    True
    """
    if isinstance(formula, Number):
        return formula.value
    if isinstance(formula, Surprisal):
        return surprisals[formula.region, formula.condition]
    function = OPERATORS[formula.operator].function
    return function(evaluate(formula.left, surprisals), evaluate(formula.right, surprisals))


def _tokens(text: str) -> Iterator[tuple[str, Formula | None]]:
    """Yield marks, and the operands between them."""
    at, text = 0, text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise _problem(text, repr(text[at : at + 12]), "a surprisal (REGION;%CONDITION%), a number or an operator")
        if match["region"]:
            yield match[0].strip(), Surprisal(match["region"], match["condition"].strip())
        elif match["number"]:
            yield match["number"], Number(float(match["number"]))
        else:
            yield match["mark"], None
        at = match.end()


def _expression(text: str, tokens: list[tuple[str, Formula | None]], at: int, weakest: int) -> tuple[Formula, int]:
    """Read operands that are joined by operators which bind more tightly than `weakest`; precedence climbing."""
    left, at = _operand(text, tokens, at)
    while at < len(tokens) and tokens[at][0] in OPERATORS and OPERATORS[tokens[at][0]].strength > weakest:
        mark = tokens[at][0]
        right, at = _expression(text, tokens, at + 1, OPERATORS[mark].strength)
        for operand in (left, right):
            if _is_truth(operand) != OPERATORS[mark].joins_truths:
                found, expected = ("a comparison", "numbers") if _is_truth(operand) else ("a number", "comparisons")
                raise _problem(text, f"{found} beside {mark!r}", expected)
        left = Operation(mark, left, right)
    return left, at


def _operand(text: str, tokens: list[tuple[str, Formula | None]], at: int) -> tuple[Formula, int]:
    if at == len(tokens):
        raise _problem(text, "the end", "a surprisal or a number")
    mark, operand = tokens[at]
    if operand is not None:
        return operand, at + 1
    if mark not in CLOSING:
        raise _problem(text, repr(mark), "a surprisal or a number")
    inner, end = _expression(text, tokens, at + 1, 0)
    if end == len(tokens) or tokens[end][0] != CLOSING[mark]:
        raise _problem(text, "the end" if end == len(tokens) else repr(tokens[end][0]), repr(CLOSING[mark]))
    return inner, end + 1


def _is_truth(formula: Formula) -> bool:
    return isinstance(formula, Operation) and OPERATORS[formula.operator].gives_truth


def _problem(text: str, found: str, expected: str) -> InputError:
    return InputError(Problem(f"formula {text!r}", found, expected))
