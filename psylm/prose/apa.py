"""Statistics in words, as the Publication Manual of the APA (7th edition) writes them; every number is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

ALPHA = 0.05
"""A test counts as significant below this p-value (after correction, where there is one)."""


def number(value: float, digits: int = 2, *, bounded: bool = False) -> str:
    """Write a number.

    Parameters
    ----------
    value
        The number; NaN is written as an em dash.
    digits
        After the decimal point.
    bounded
        Whether it cannot exceed 1, as a correlation or a proportion: such numbers have no zero before the point.

    Examples
    --------
    >>> number(-0.456, bounded=True), number(12.3456), number(-0.001), number(1.0, bounded=True)
    ('−.46', '12.35', '0.00', '1.00')
    """
    if math.isnan(value):
        return "—"
    text = f"{abs(value):.{digits}f}"
    sign = "−" if value < 0 and float(text) else ""
    return sign + (text.removeprefix("0") if bounded else text)


def p_value(p: float) -> str:
    """Write a p-value with three digits, or that it is below .001.

    Examples
    --------
    >>> p_value(0.0123), p_value(0.00004), p_value(1.0)
    ('p = .012', 'p < .001', 'p = 1.000')
    """
    return "p < .001" if p < 0.001 else f"p = {number(p, 3, bounded=True)}"


def interval(low: float, high: float, digits: int = 2, *, bounded: bool = False) -> str:
    """Write a 95% interval.

    Examples
    --------
    >>> interval(-0.25, 1.5)
    '95% CI [−0.25, 1.50]'
    """
    return f"95% CI [{number(low, digits, bounded=bounded)}, {number(high, digits, bounded=bounded)}]"


def statistic(symbol: str, value: float, *df: float, digits: int = 2) -> str:
    """Write a test statistic with its degrees of freedom, whole ones without decimals.

    Examples
    --------
    >>> statistic("t", 2.345, 47.0), statistic("F", 5.1, 1.0, 22.64), statistic("z", -1.5)
    ('t(47) = 2.35', 'F(1, 22.64) = 5.10', 'z = −1.50')
    """
    degrees = ", ".join(f"{one:.2f}".removesuffix(".00") for one in df)
    return f"{symbol}{f'({degrees})' if df else ''} = {number(value, digits)}"


def correlation(symbol: str, r: float, low: float, high: float, n: int, p: float) -> str:
    """Write a correlation with its interval and test.

    Examples
    --------
    >>> correlation("r", 0.7034, 0.678, 0.728, 1726, 1e-9)
    'r(1724) = .70, 95% CI [.68, .73], p < .001'
    """
    return f"{symbol}({n - 2}) = {number(r, bounded=True)}, {interval(low, high, bounded=True)}, {p_value(p)}"


def share(estimate: float, low: float, high: float, of: str = "") -> str:
    """Write a proportion as a percentage with its 95% interval, and say of what it is one.

    Examples
    --------
    >>> share(0.53125, 0.4322, 0.6279), share(0.5, 0.4, 0.6, of="96 pairs")
    ('53.1%, 95% CI [43.2%, 62.8%]', '50.0% of 96 pairs, 95% CI [40.0%, 60.0%]')
    """
    return f"{percent(estimate)}{f' of {of}' if of else ''}, 95% CI [{percent(low)}, {percent(high)}]"


def percent(value: float) -> str:
    """Write a proportion as a percentage.

    Examples
    --------
    >>> percent(0.0625), percent(1.0), percent(float("nan"))
    ('6.2%', '100.0%', '—')
    """
    return "—" if math.isnan(value) else f"{value * 100:.1f}%"


def count(n: int, singular: str = "", plural: str = "") -> str:
    """Write a number of things: in words below 10, in figures from there on.

    Parameters
    ----------
    n
        How many.
    singular, plural
        What they are called; the plural is the singular with an s unless it is given.

    Examples
    --------
    >>> count(2, "model"), count(1, "suite"), count(12, "contrast"), count(1726, "word"), count(0)
    ('two models', 'one suite', '12 contrasts', '1,726 words', 'no')
    """
    written = WORDS[n] if 0 <= n < len(WORDS) else f"{n:,}"
    noun = singular if n == 1 else plural or f"{singular}s"
    return f"{written} {noun}" if singular else written


def listing(parts: Iterable[str], separator: str = ",") -> str:
    """Join the parts of a sentence, with a comma before *and* where there are three or more.

    Examples
    --------
    >>> listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"]), listing(["a, b", "c", "d"], ";")
    ('a', 'a and b', 'a, b, and c', 'a, b; c; and d')
    """
    every = list(parts)
    if len(every) < 3:
        return (" and " if separator == "," else f"{separator} and ").join(every)
    return f"{separator} ".join(every[:-1]) + f"{separator} and {every[-1]}"


def sentence(text: str) -> str:
    """Begin with a capital letter and end with a full stop.

    Examples
    --------
    >>> sentence("surprisal was lower"), sentence("N400 amplitude changed.")
    ('Surprisal was lower.', 'N400 amplitude changed.')
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def spread(counts: Iterable[float]) -> str:
    """Write the smallest and the largest of some numbers of cases, or the one that all have.

    Examples
    --------
    >>> spread([24, 20, 24]), spread([24, 24])
    ('20 to 24', '24')
    """
    low, high = (int(end(counts)) for end in (min, max))
    return str(low) if low == high else f"{low} to {high}"
