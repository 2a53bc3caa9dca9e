"""Sentences of a results section about the tables that `psylm.stats` gives, in APA style; every number is computed.

Analysis modules build their `summary` from them. The past tense is used, as in a paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from psylm.prose.apa import (
    ALPHA,
    count,
    interval,
    listing,
    number,
    p_value,
    percent,
    sentence,
    share,
    statistic,
)
from psylm.prose.paragraphs import records

MANY = 8
"""From this many conditions on, a sentence gives only the lowest and the highest mean."""


def means(rows: pd.DataFrame, measure: str, unit: str) -> Iterator[str]:
    """Say the mean of a measure in each condition.

    Parameters
    ----------
    rows
        Rows of `condition_table`: `condition, measure, mean, sd, n`.
    measure
        The measure to speak of.
    unit
        Its unit, as in "bits".

    Yields
    ------
    str
        One sentence; none where the measure was not computed.

    Examples
    --------
    >>> table = pd.DataFrame({"condition": ["good", "bad"], "measure": "surprisal", "mean": [4.0, 7.5], "sd": 1.0})
    >>> next(means(table, "surprisal", "bits"))
    'Mean surprisal was 4.00 bits in good (SD = 1.00) and 7.50 in bad (SD = 1.00).'
    """
    rows = rows[(rows["measure"] == measure) & rows["mean"].notna()]
    if rows.empty:
        return
    few = len(rows) < MANY
    rows = rows if few else rows.sort_values("mean").iloc[[0, -1]]
    parts = [_mean(row, unit if place == 0 else "") for place, row in enumerate(records(rows))]
    yield f"Mean {measure} was {listing(parts)}." if few else f"Mean {measure} went from {parts[0]} to {parts[1]}."


def _mean(row: dict[str, Any], unit: str) -> str:
    spread = "" if pd.isna(row["sd"]) else f" (SD = {number(row['sd'])})"
    return f"{number(row['mean'])}{f' {unit}' if unit else ''} in {row['condition']}{spread}"


def contrasts(rows: pd.DataFrame, measure: str, unit: str) -> Iterator[str]:
    """Say which differences between conditions were significant, and give the tests of all.

    Parameters
    ----------
    rows
        Rows of `contrast_table` of one model and set, with `p_holm`.
    measure
        What differs, as the sentence names it.
    unit
        Its unit; empty where it has none.

    Yields
    ------
    str
        An opening sentence, one for each significant difference, and one for the others together.
    """
    rows = rows[rows["estimate"].notna() & rows["p_holm"].notna()]
    if rows.empty:
        yield "There were too few items for a test of the conditions."
        return
    significant = rows[rows["p_holm"] < ALPHA]
    yield (
        f"Of {count(len(rows), 'contrast')} in {measure} ({_tests(rows)}; p values Holm-corrected), "
        f"{count(len(significant))} differed significantly from zero."
    )
    for row in records(significant):
        more = "higher" if row["estimate"] > 0 else "lower"
        if row["contrast"].startswith("("):
            inner, outer = _interaction(row["contrast"])
            if outer:
                more = "more positive" if row["estimate"] > 0 else "more negative"
                yield (
                    f"The difference {inner} was {more} for {outer[0]} than for {outer[1]}{_at(row)} (interaction), "
                    f"{_test(row, unit)}."
                )
            continue
        first, second = row["contrast"].split(" − ")
        yield sentence(f"{measure} was {more} for {first} than for {second}{_at(row)}, {_test(row, unit)}")
    rest = rows[rows["p_holm"] >= ALPHA]
    if len(rest):
        said = [
            f"{row['contrast']}{_at(row)} ({_with_unit(row['estimate'], unit)}, "
            f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p_holm'])})"
            for row in records(rest)
        ]
        yield f"No significant difference was found for {listing(said, ';')}."


def anovas(rows: pd.DataFrame) -> Iterator[str]:
    """Say which main effects and interactions an analysis of variance found.

    Parameters
    ----------
    rows
        Rows of `psylm.stats.conditions.design.anova_table` of one model and set.

    Examples
    --------
    >>> table = pd.DataFrame([{"effect": "constraint:completion", "measure": "surprisal", "statistic": 52.7,
    ...                        "df": 2, "df_error": 94, "epsilon": 0.85, "p": 1e-9, "estimate": 0.53, "low": 0.37,
    ...                        "high": 0.63}])
    >>> list(anovas(table))[1]
    'Surprisal depended on constraint × completion, F(1.70, 79.90) = 52.70, p < .001, η²p = .53, 95% CI [.37, .63].'
    """
    rows = rows[rows["p"].notna()]
    if rows.empty:
        return
    corrected = " (degrees of freedom corrected after Greenhouse and Geisser)" if (rows["epsilon"] < 1).any() else ""
    yield f"An analysis of variance by items tested {count(len(rows), 'effect')}{corrected}."
    for row in records(rows):
        depended = "depended on" if row["p"] < ALPHA else "did not depend significantly on"
        test = statistic("F", row["statistic"], row["df"] * row["epsilon"], row["df_error"] * row["epsilon"])
        size = f"η²p = {number(row['estimate'], bounded=True)}, {interval(row['low'], row['high'], bounded=True)}"
        effect = row["effect"].replace("_", " ").replace(":", " × ")
        yield sentence(f"{row['measure']} {depended} {effect}, {test}, {p_value(row['p'])}, {size}")


def _tests(rows: pd.DataFrame) -> str:
    kinds = {"within items, paired": "paired t tests over items", "between items, Welch": "Welch's t tests over items"}
    found = dict.fromkeys(
        kind for design in rows["design"] for begin, kind in kinds.items() if str(design).startswith(begin)
    )
    return listing(found)


def _interaction(contrast: str) -> tuple[str, tuple[str, str] | None]:
    """Take `(a − b) x − (a − b) y` apart."""
    inner, _, rest = contrast[1:].partition(") ")
    first, middle, second = rest.partition(f" − ({inner}) ")
    return inner, (first, second) if middle else None


def _at(row: dict[str, Any]) -> str:
    return f" ({row['at']})" if isinstance(row["at"], str) and row["at"] else ""


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value)} {unit}" if unit else number(value)


def _test(row: dict[str, Any], unit: str) -> str:
    size = "d_z" if "paired" in str(row["design"]) else "d_s"
    return (
        f"difference = {_with_unit(row['estimate'], unit)}, {interval(row['low'], row['high'])}, "
        f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p_holm'])}, "
        f"{size} = {number(row['effect_size'])}"
    )


def preference(rows: pd.DataFrame) -> Iterator[str]:
    """Say how often the first completion was preferred, and what published figures are."""
    rows = rows[rows["condition"] == "all"]
    ours = rows["who"].isna() | (rows["who"] == "")
    for row in records(rows[ours]):
        what = (
            row["measure"]
            .replace(" above ", " word was more probable than ")
            .replace(" of rank ", " word was of rank ")
        )
        yield f"The {what} in {share(row['estimate'], row['low'], row['high'], count(int(row['n']), 'frame'))}."
    published = [f"{row['who']} {percent(row['estimate'])} ({row['source']})" for row in records(rows[~ours])]
    if published:
        yield f"Published figures for {rows.loc[~ours, 'measure'].iloc[0]} are {listing(published, ';')}."
