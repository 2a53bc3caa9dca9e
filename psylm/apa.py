"""Statistics in words, as the Publication Manual of the APA (7th edition) writes them; every number is computed."""

from __future__ import annotations

import math


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
    degrees = ", ".join(f"{one:.0f}" if one == round(one) else f"{one:.2f}" for one in df)
    return f"{symbol}{f'({degrees})' if df else ''} = {number(value, digits)}"


def correlation(symbol: str, r: float, low: float, high: float, n: int, p: float) -> str:
    """Write a correlation with its interval and test.

    Examples
    --------
    >>> correlation("r", 0.7034, 0.678, 0.728, 1726, 1e-9)
    'r(1724) = .70, 95% CI [.68, .73], p < .001'
    """
    return f"{symbol}({n - 2}) = {number(r, bounded=True)}, {interval(low, high, bounded=True)}, {p_value(p)}"
