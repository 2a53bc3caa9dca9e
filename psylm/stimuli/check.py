"""What can be wrong with a stimulus set; each check reports every place."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pandas as pd

from psylm.common.errors import Problem
from psylm.stimuli.card import Card
from psylm.stimuli.regions import placed_regions
from psylm.stimuli.tables import placed_start

STRAY = {
    "\u00a0": "a no-break space",
    "\u00ad": "a soft hyphen",
    "\u200b": "a zero-width space",
    "\u200c": "a zero-width non-joiner",
    "\u200d": "a zero-width joiner",
    "\u2060": "a word joiner",
    "\ufeff": "a byte-order mark",
    "\ufffd": "a replacement character",
}


def structure_problems(table: pd.DataFrame, card: Card, file: Path) -> list[Problem]:
    """Find what keeps a set from being used: columns, cells, targets, and item x condition."""
    required = ["item", "sentence", *card.factors]
    missing = [column for column in required if column not in table]
    if missing:
        return [Problem(f"{file}: row 1", f"no column {name!r}", ", ".join(required)) for name in missing]
    if table.empty:
        return [Problem(f"{file}: row 2", "no items", "a row an item and condition")]
    problems = [
        Problem(f"{file}: row {row}, column {column}", "an empty cell", "a value")
        for column in required
        for row in table.index[table[column].str.strip() == ""]
    ]
    for factor, levels in card.factors.items():
        strange = table[~table[factor].isin(levels) & (table[factor].str.strip() != "")]
        problems += [
            Problem(f"{file}: row {row}, column {factor}", repr(level), "one of " + ", ".join(levels))
            for row, level in strange[factor].items()
        ]
    problems += _target_problems(table, card, file)
    problems += _region_problems(table, file)
    problems += _cell_problems(table, card, file)
    return sorted(problems, key=_row)


def _target_problems(table: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    if "target" not in table:
        return
    for row, cells in table.iterrows():
        start = placed_start(cells, card.language)
        if isinstance(start, Problem):
            yield Problem(f"{file}: row {row}, column {start.place}", start.found, start.expected)


def _region_problems(table: pd.DataFrame, file: Path) -> Iterator[Problem]:
    if "regions" not in table:
        return
    for row, cells in table.iterrows():
        regions = placed_regions(cells)
        if isinstance(regions, Problem):
            yield Problem(f"{file}: row {row}, column {regions.place}", regions.found, regions.expected)


def _cell_problems(table: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    """Each item must have each combination of the factors that vary within items, once."""
    factors = list(card.factors) or [column for column in ("condition",) if column in table]
    if not card.factors:
        for row in table.index[table.duplicated(["item", *factors])]:
            yield Problem(f"{file}: row {row}, column item", f"item {table['item'][row]!r} again", "each item once")
        return
    for row in table.index[table.duplicated(["item", *factors])]:
        cell = "/".join(table.loc[row, factors])
        yield Problem(
            f"{file}: row {row}, column item", f"item {table['item'][row]!r} x {cell} again", "each cell once"
        )
    wanted = list(product(*(card.factors[factor] for factor in card.within)))
    for item, rows in table.groupby("item", sort=False):
        place = f"{file}: row {rows.index[0]}, column item"
        there = set(rows[card.within].itertuples(index=False, name=None))
        for levels in wanted:
            if levels not in there:
                yield Problem(place, f"item {item!r} without {'/'.join(levels)}", "a row for each condition")
        for factor in card.between:
            if rows[factor].nunique() > 1:
                yield Problem(place, f"several levels of {factor} in item {item!r}", "one, as the card says")


def human_problems(human: pd.DataFrame | None, items: pd.DataFrame, card: Card, file: Path) -> list[Problem]:
    """Find human data that match no item, are no numbers, or that the card does not describe."""
    if human is None:
        return []
    required = ["item", "measure", "value"] + (["condition"] if card.factors else [])
    missing = [column for column in required if column not in human]
    if missing:
        return [Problem(f"{file}: row 1", f"no column {name!r}", ", ".join(required)) for name in missing]
    problems = []
    known = set(items["item"]) if "condition" not in human else set(zip(items["item"], items["condition"], strict=True))
    keys = human["item"] if "condition" not in human else zip(human["item"], human["condition"], strict=True)
    for row, key in zip(human.index, keys, strict=True):
        if key not in known:
            found = key if isinstance(key, str) else " x ".join(key)
            problems.append(Problem(f"{file}: row {row}, column item", repr(found), "an item and condition of the set"))
    for row in human.index[pd.to_numeric(human["value"], errors="coerce").isna()]:
        problems.append(Problem(f"{file}: row {row}, column value", repr(human["value"][row]), "a number"))
    for row in human.index[~human["measure"].isin(card.human)]:
        expected = "one that the card describes: " + ", ".join(card.human)
        problems.append(Problem(f"{file}: row {row}, column measure", repr(human["measure"][row]), expected))
    return sorted(problems, key=_row)


def quality_problems(table: pd.DataFrame, card: Card, file: Path) -> list[Problem]:
    """Find what a set can be run with, but should not have: stray characters, gaps, imbalance, undescribed columns."""
    problems = [
        Problem(f"{file}: row {row}, column {column}", found, "clean, NFC-normalised text")
        for column in table.columns
        for row, text in table[column].items()
        for found in _stray(text)
    ]
    optional = [column for column in table.columns if column in card.columns and column not in card.factors]
    for column in optional:
        empty = table.index[table[column].str.strip() == ""]
        if column not in ("item", "sentence") and 0 < len(empty) < len(table):
            problems += [
                Problem(f"{file}: row {row}, column {column}", "an empty cell", "a value, as in other rows")
                for row in empty
            ]
    if not card.reader:
        problems += _undescribed(table, card, file)
    if set(card.factors) <= set(table.columns):
        problems += _imbalance(table, card, file)
    return sorted(problems, key=_row)


def _undescribed(table: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    for column in table.columns:
        if column not in card.columns:
            yield Problem(
                f"{file}: row 1, column {column}",
                "a column that the card does not describe",
                "a line in columns",
            )
    for column in card.columns:
        if column not in table:
            yield Problem(f"{file}: row 1", f"no column {column!r}, which the card describes", "the column")


def _imbalance(table: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    """Levels of a factor between items must have equally many items."""
    for factor in card.between:
        counts = table.groupby(factor, sort=False)["item"].nunique()
        if counts.nunique() > 1:
            found = ", ".join(f"{count} items {level}" for level, count in counts.items())
            yield Problem(f"{file}: row 1, column {factor}", found, "equally many")


def _stray(text: str) -> Iterator[str]:
    for character, name in STRAY.items():
        if character in text:
            yield f"{name} (U+{ord(character):04X})"
    control = {c for c in text if unicodedata.category(c) == "Cc"}
    if control:
        yield "a control character (" + ", ".join(f"U+{ord(c):04X}" for c in sorted(control)) + ")"
    if unicodedata.normalize("NFC", text) != text:
        yield "text that is not NFC-normalised"
    if text != text.strip():
        yield "a space at an end"
    if "  " in text:
        yield "two spaces in a row"


def unknown_words(table: pd.DataFrame, file: Path, unknown: Callable[[str], list[str]]) -> list[Problem]:
    """Find words that a model's tokenizer does not know."""
    columns = [column for column in ("context", "sentence") if column in table]
    return [
        Problem(f"{file}: row {row}, column {column}", repr(word), "words that the model's tokenizer knows")
        for column in columns
        for row, text in table[column].items()
        for word in unknown(text)
    ]


def _row(problem: Problem) -> int:
    digits = problem.place.rpartition("row ")[2].partition(",")[0]
    return int(digits) if digits.isdecimal() else 0
