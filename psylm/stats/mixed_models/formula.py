"""Formulas of mixed models, read as lme4 and R's `model.matrix` read them; reading one evaluates nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from formulaic.errors import FormulaicError
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.types import Token

from psylm.common.errors import InputError, Problem

LONGEST = 2000
"""Characters of a formula."""

HIGHEST = 4
"""Order of the interactions that `(a + b)^n` may ask for: what it makes grows with the power of n."""

PARSER = DefaultFormulaParser(include_intercept=True)

Factors = tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """One side of a formula, expanded.

    Parameters
    ----------
    intercept
        Whether it has one.
    terms
        Each term's factors (columns, or calls such as `log(x)`), in R's order: main effects, then interactions; the
        factors of an interaction in the order in which the formula names them.
    """

    intercept: bool
    terms: tuple[Factors, ...]

    @property
    def factors(self) -> tuple[str, ...]:
        """Every factor once."""
        return tuple(dict.fromkeys(factor for term in self.terms for factor in term))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the terms: `cond`, `cond:x`."""
        return tuple(":".join(term) for term in self.terms)


@dataclass(frozen=True)
class Bar:
    """A random term: `(1 + cond | subject)`.

    Parameters
    ----------
    terms
        What varies.
    group
        Columns whose combinations are its levels.
    correlated
        One bar; with two, none of its columns are correlated.
    """

    terms: Terms
    group: tuple[str, ...]
    correlated: bool

    @property
    def name(self) -> str:
        """The grouping's name."""
        return ":".join(self.group)


@dataclass(frozen=True)
class Formula:
    """A formula that was read: the response's expression, fixed terms, and random ones."""

    text: str
    response: str
    fixed: Terms
    random: tuple[Bar, ...]

    @property
    def expressions(self) -> tuple[str, ...]:
        """Every expression that has to be evaluated, once; the response's is the first."""
        bars = [factor for bar in self.random for factor in bar.terms.factors]
        return tuple(dict.fromkeys([self.response, *self.fixed.factors, *bars]))


def parse(text: str) -> Formula:
    """Read a formula.

    Raises
    ------
    InputError
        It is not a formula, or has no random term.

    Examples
    --------
    >>> found = parse("log(rt) ~ a * b + (1 + a || subject) + (1 | school/class)")
    >>> found.response, found.fixed.labels, [(bar.name, bar.terms.labels, bar.correlated) for bar in found.random]
    ('log(rt)', ('a', 'b', 'a:b'), [('subject', ('a',), False), ('school', (), True), ('class:school', (), True)])
    """
    left, tilde, right = text.partition("~")
    if not (tilde and left.strip() and right.strip()) or len(text) > LONGEST:
        raise _wrong(text, "no formula", "for example time ~ condition + (1 | subject)")
    fixed: list[str] = []
    random: list[Bar] = []
    for part in _summands(right):
        inner = part.strip()
        bare = inner[1:-1] if inner.startswith("(") and inner.endswith(")") else ""
        if "|" in bare and "(" not in re.sub(r"\([^()]*\)", "", bare):
            random += _bars(bare, text)
        elif inner:
            fixed.append(inner if inner.startswith("-") else f"+ {inner}")
    if not random:
        raise _wrong(text, "no random term", "a random term, for example (1 | subject)")
    if any("|" in part for part in fixed):
        raise _wrong(text, "a bar outside of a random term", "random terms in parentheses, each joined by +")
    return Formula(text, left.strip(), terms_of(" ".join(fixed).removeprefix("+ ") or "1", text), tuple(random))


def terms_of(side: str, place: str = "") -> Terms:
    """Expand one side of a formula as R does.

    Examples
    --------
    >>> terms_of("a / b + log(x)").labels, terms_of("0 + (a + b)^2"), terms_of("x:a + x").labels
    (('a', 'log(x)', 'a:b'), Terms(intercept=False, terms=(('a',), ('b',), ('a', 'b'))), ('x', 'x:a'))
    """
    place = place or side
    python = outside_quotes(side, {"^": "**"})
    if re.search(r"[][{}%]", outside_quotes(python, {})):
        raise _wrong(place, side.strip(), "terms joined by + - * : / ^")
    try:
        tokens = list(PARSER.get_tokens(python))
        _check_powers(tokens, place)
        found = PARSER.get_terms(python)
        parsed = [[(factor.expr, factor.eval_method.value) for factor in term.factors] for term in found]
    except (FormulaicError, SyntaxError, ValueError, AttributeError, RecursionError, MemoryError) as error:
        said = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error)).split("\n")[0].split(" (tip")[0]
        raise _wrong(place, f"{side.strip()!r}, which cannot be read ({said})", "terms joined by + - * : / ^") from None
    constants = [expression for term in parsed for expression, how in term if how == "literal" and expression != "1"]
    if constants or any(len(term) > 1 and ("1", "literal") in term for term in parsed):
        raise _wrong(place, f"the number {(constants or ['1'])[0]}", "columns; write I(2 * x) for arithmetic")
    order = {
        _key(quoted(str(token)) if token.kind is Token.Kind.NAME else str(token)): number
        for number, token in reversed(list(enumerate(tokens)))
    }
    named = [
        tuple(quoted(expression) if how == "lookup" else _spelled(expression) for expression, how in term)
        for term in parsed
        if term != [("1", "literal")]
    ]
    ordered = [tuple(sorted(term, key=lambda factor: order.get(_key(factor), len(order)))) for term in named]
    return Terms([("1", "literal")] in parsed, tuple(sorted(dict.fromkeys(ordered), key=len)))


def outside_quotes(text: str, changes: dict[str, str]) -> str:
    """Replace characters where they are not quoted; what is quoted is left as it is, or left out without changes.

    Examples
    --------
    >>> outside_quotes("x^2 + C(f, Treatment('a^b'))", {"^": "**"}), outside_quotes("`a%` + b", {})
    ("x**2 + C(f, Treatment('a^b'))", ' + b')
    """
    parts = re.split(r"('[^']*'|\"[^\"]*\"|`[^`]*`)", text)
    for number in range(0, len(parts), 2):
        for old, new in changes.items():
            parts[number] = parts[number].replace(old, new)
    return "".join(parts if changes else parts[::2])


def quoted(name: str) -> str:
    """Put a column's name in backticks where it is no plain name."""
    return name if all(part.isidentifier() for part in name.split(".")) else f"`{name}`"


def _key(expression: str) -> str:
    return re.sub(r"\s", "", _spelled(expression)).replace('"', "'")


def _spelled(expression: str) -> str:
    """Write an expression as R shows it: `I(x^2)`, and names with spaces in backticks."""
    return outside_quotes(expression, {" ** ": "^", "**": "^"})


def _check_powers(tokens: list[Token], place: str) -> None:
    for first, second in pairwise(tokens):
        if str(first) == "**" and str(second).strip("()") not in map(str, range(1, HIGHEST + 1)):
            raise _wrong(place, f"the power {second}", f"1 to {HIGHEST}; write I(x^2) for a column's square")


def _summands(side: str) -> Iterator[str]:
    """Split at signs that stand in no parenthesis, quotation or call; minus signs stay with what follows."""
    depth, quoted, start = 0, "", 0
    for place, character in enumerate(side):
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in "'\"`":
            quoted = character
        elif character in "()[]{}":
            depth += 1 if character in "([{" else -1
        elif character in "+-" and depth == 0:
            yield side[start:place]
            start = place + (character == "+")
    yield side[start:]


def _bars(inner: str, text: str) -> list[Bar]:
    """Read what stands in the parentheses of a random term; `a / b` is two of them."""
    match = re.fullmatch(r"([^|]+)(\|\|?)([^|]+)", inner)
    if match is None:
        raise _wrong(text, f"({inner})", "one random term, for example (1 + condition | subject)")
    terms, correlated = terms_of(match[1], text), match[2] == "|"
    groups = re.split(r"([:/])", match[3].strip())
    names = [name.strip().strip("`") for name in groups[::2]]
    if not all(names) or len(set(groups[1::2])) > 1 or not (terms.intercept or terms.terms):
        raise _wrong(text, f"({inner})", "a grouping: subject, school/class or subject:item")
    if "/" in groups:
        return [Bar(terms, tuple(reversed(names[: depth + 1])), correlated) for depth in range(len(names))]
    return [Bar(terms, tuple(names), correlated)]


def _wrong(text: str, found: str, expected: str) -> InputError:
    return InputError(Problem(f"formula {text!r}", found, expected))
