"""Sentences of a results section about human norms: their reliability, and a model's calibration against them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.prose.apa import ALPHA, correlation, count, interval, number, p_value, sentence, statistic
from psylm.prose.paragraphs import records


def ceilings(rows: pd.DataFrame) -> Iterator[str]:
    """Say how reliable human measures are, and how high a correlation with them can be.

    Parameters
    ----------
    rows
        Rows of `psylm.stats.human.respondents.noise_ceilings`.

    Examples
    --------
    >>> table = pd.DataFrame([{"measure": "cloze", "estimate": 0.81, "low": 0.7, "high": 0.9, "ceiling": 0.9,
    ...                        "subjects": 24, "splits": 1000, "n": 40}])
    >>> next(ceilings(table)).partition("; ")[2]
    'a model could reach a correlation of .90.'
    """
    for row in rows.dropna(subset="estimate").to_dict("records"):
        found = f"{number(row['estimate'], bounded=True)}, {interval(row['low'], row['high'], bounded=True)}"
        yield (
            f"Split-half reliability of {row['measure'].replace('_', ' ')} ({count(int(row['subjects']), 'subject')}, "
            f"{count(int(row['splits']), 'split')}, Spearman-Brown) was {found}; a model could reach a correlation of "
            f"{number(row['ceiling'], bounded=True)}."
        )


def calibrations(rows: pd.DataFrame) -> Iterator[str]:
    """Say how well the model's cloze is calibrated against people's.

    Parameters
    ----------
    rows
        The table of `psylm.stats.inference.calibration.calibration`, for one model.
    """
    found = {row["quantity"]: row for row in rows.to_dict("records")}
    slope, intercept, error = (found[name] for name in ("slope", "intercept", "expected calibration error"))
    if pd.isna(slope["p"]):
        return
    extreme = "too extreme" if slope["estimate"] < 1 else "not extreme enough"
    high = "too high" if intercept["estimate"] < 0 else "too low"
    for row, null, said in ((slope, 1, extreme), (intercept, 0, high)):
        verdict = (
            f"the model's probabilities were {said}" if row["p"] < ALPHA else f"not significantly other than {null}"
        )
        yield (
            f"The calibration {row['quantity']} was {number(row['estimate'])}, {interval(row['low'], row['high'])} "
            f"({null} if calibrated: {statistic('t', row['statistic'], row['df'])}, {p_value(row['p'])}): {verdict}."
        )
    yield (
        f"The expected calibration error was {number(error['estimate'], 3, bounded=True)}, "
        f"{interval(error['low'], error['high'], 3, bounded=True)}."
    )


def correlations(rows: pd.DataFrame) -> Iterator[str]:
    """Say how strongly measures correlated.

    Parameters
    ----------
    rows
        Rows with `measure, with, coefficient, estimate, low, high, p, n`, and `words` where several sets of words
        were used.

    Examples
    --------
    >>> table = pd.DataFrame([{"measure": "cloze", "with": "human cloze", "coefficient": "spearman", "estimate": 0.7034,
    ...                        "low": 0.678, "high": 0.728, "p": 0.0, "n": 1726}])
    >>> list(correlations(table))
    ['Cloze correlated with human cloze, Spearman’s ρ(1724) = .70, 95% CI [.68, .73], p < .001.']
    """
    names = {"spearman": "Spearman’s ρ", "pearson": "Pearson’s r", "kendall": "Kendall’s τ"}
    for row in records(rows):
        if pd.isna(row["estimate"]):
            continue
        if row["coefficient"] == "mean":
            found = f"M = {number(row['estimate'])}, {interval(row['low'], row['high'])}, n = {int(row['n'])}"
            yield sentence(f"{row['measure']} to {row['with']} was, on average over items, {found}")
            continue
        found = correlation(
            names[row["coefficient"]], row["estimate"], row["low"], row["high"], int(row["n"]), row["p"]
        )
        where = f" ({row['words']})" if isinstance(row.get("words"), str) else ""
        significant = "correlated" if row["p"] < ALPHA else "did not correlate significantly"
        yield sentence(f"{row['measure']} {significant} with {row['with']}{where}, {found}")


def references(rows: pd.DataFrame) -> Iterator[str]:
    """Say how strongly surprisal correlated with that of published models: the strongest and the weakest.

    Parameters
    ----------
    rows
        Rows of `psylm.stats.human.agreement.reference_agreement`. Where it is known which words the published models
        do not split, these are spoken of.
    """
    single = rows[rows["words"] != "all words"]
    rows = (single if len(single) else rows).dropna(subset="estimate").sort_values("estimate")
    if len(rows) < 2:
        yield from correlations(rows)
        return
    least, most = (
        f"{row['with'].rpartition(' of ')[2]}, "
        + correlation("Pearson’s r", row["estimate"], row["low"], row["high"], int(row["n"]), row["p"])
        for row in (rows.iloc[0], rows.iloc[-1])
    )
    yield (
        f"Of {count(len(rows), 'published model')}, surprisal correlated most with that of {most}, and least with that "
        f"of {least} ({rows['words'].iloc[0]})."
    )
