"""What can be wrong with the items of a set; one mistake is one problem, whatever the number of its rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from psylm.common.errors import Problem, nearest, one_of
from psylm.stimuli.card import Card
from psylm.stimuli.problems import first_row, row_problems
from psylm.stimuli.tables import PLACING, Located

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

SUSPECT = re.compile(f"[{''.join(STRAY)}\\x00-\\x1f\\x7f-\\x9f]|  |^\\s|\\s$")
"""What a text has in it if any of the checks of `_stray` but that for normalisation finds something."""

NO_NUMBER = re.compile(r"(?i)\s*(n\.?/?a\.?|nan|null|none|missing|-+|\.|\?|[+-]?\d+,\d+|[+-]?inf(inity)?)\s*")
"""What is written in place of a number: codes of missing values, decimal commas, infinity."""


def structure_problems(table: pd.DataFrame, located: Located | None, card: Card, file: Path) -> list[Problem]:
    """Find what keeps a set from being used: columns, cells, targets, and item x condition.

    Parameters
    ----------
    table
        Text cells, as `psylm.stimuli.tables.read_table` gives them.
    located
        Where targets and regions stand; None where there are no sentences to find them in.
    card
        The set's card.
    file
        The file, for messages.
    """
    required = ["item", "sentence", *card.factors]
    missing = missing_columns(table, required, file)
    if missing:
        return missing
    if table.empty:
        return [Problem(f"{file}: row 2", "no items", "a row an item and condition")]
    problems = []
    blank = {column: table[column].str.strip() == "" for column in required}
    for column, empty in blank.items():
        problems += row_problems(file, column, pd.Series("an empty cell", table.index[empty]), "a value")
    for factor, levels in card.factors.items():
        strange = table[factor][~table[factor].isin(levels) & ~blank[factor]]
        problems += row_problems(file, factor, strange.map(repr), one_of(strange.unique().tolist()[:9], levels))
    for column in card.references:
        if column in table:
            problems += _number_problems(file, column, table[column])
    whole = not problems  # a level that is wrong makes a cell that is missing, which is the same mistake
    if located is not None:
        for column, found, expected in located.problems:
            there = ~blank["sentence"][found.index]
            problems += row_problems(file, column, found[there], expected[there])
    if whole:
        problems += _cell_problems(table, card, file)
    return sorted(problems, key=first_row)


def missing_columns(table: pd.DataFrame, required: list[str], file: Path) -> list[Problem]:
    """Find columns that a table must have and has not; one that has nearly the name is named."""
    columns = table.columns.tolist()
    problems = []
    for name in required:
        if name not in columns:
            near = nearest(name, [column for column in columns if column not in required])
            hint = f" ({near!r} may be meant)" if near else ""
            problems.append(Problem(f"{file}: row 1", f"no column {name!r}", ", ".join(required) + hint))
    return problems


def _cell_problems(table: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    """Each item must have each combination of the factors that vary within items, once."""
    items = table["item"].map(repr)
    again = table.duplicated(["item", *card.factors])
    if not card.factors:
        yield from row_problems(file, "item", "item " + items[again] + " again", "each item once")
        return
    rows = table[again]
    cells = rows[list(card.factors)].agg("/".join, axis=1) if len(rows) else rows["item"]
    yield from row_problems(file, "item", "item " + items[again] + " x " + cells + " again", "each cell once")
    first = table.drop_duplicates("item").set_index("item")
    row_of = pd.Series(table.index, table["item"]).groupby(level=0, sort=False).first()
    if card.within:
        wanted = pd.MultiIndex.from_product(
            [first.index, *(card.factors[factor] for factor in card.within)], names=["item", *card.within]
        )
        lacking = wanted[~wanted.isin(pd.MultiIndex.from_frame(table[["item", *card.within]]))]
        found = pd.Series([f"item {item!r} without {'/'.join(cell)}" for item, *cell in lacking], dtype=object)
        found.index = pd.Index(row_of[lacking.get_level_values(0)].to_numpy(), dtype="int64")
        yield from row_problems(file, "item", found, "a row for each condition")
    for factor in card.between:
        levels = table.groupby("item", sort=False)[factor].nunique()
        several = levels.index[levels > 1]
        found = pd.Series([f"several levels of {factor} in item {item!r}" for item in several], dtype=object)
        found.index = pd.Index(row_of[several].to_numpy(), dtype="int64")
        yield from row_problems(file, "item", found, "one, as the card says")


def quality_problems(table: pd.DataFrame, card: Card, file: Path) -> list[Problem]:
    """Find what a set can be run with, but should not have: stray characters, gaps, imbalance, undescribed columns."""
    problems: list[Problem] = []
    for column in table.columns:
        if column not in card.factors:  # whose levels are the card's
            problems += _stray_problems(file, column, table[column])
    optional = [column for column in table.columns if column in card.columns and column not in card.factors]
    for column in optional:
        empty = table[column].str.strip() == ""
        if column not in ("item", "sentence", *PLACING) and 0 < empty.sum() < len(table):
            found = pd.Series("an empty cell", table.index[empty])
            problems += row_problems(file, column, found, "a value, as in other rows")
        if column not in ("item", *PLACING, *card.references):
            problems += _mixed_problems(file, column, table[column])
    if not card.reader and {"item", "sentence", *card.factors} <= set(table.columns):
        problems += _undescribed(table, card, file)
    if set(card.factors) <= set(table.columns) and "item" in table:
        problems += _imbalance(table, card, file)
    return sorted(problems, key=first_row)


def _number_problems(file: Path, column: str, cells: pd.Series) -> list[Problem]:
    """Find cells that are neither empty nor a finite number."""
    wrong = cells[(cells.str.strip() != "") & ~is_number(cells)]
    return row_problems(file, column, wrong.map(repr), number_expected(wrong))


def _mixed_problems(file: Path, column: str, cells: pd.Series) -> list[Problem]:
    """Find what is no number in a column of numbers: it would make the whole column text."""
    filled = cells[cells.str.strip() != ""]
    numbers = is_number(filled)
    if filled.empty or not numbers.any() or numbers.mean() < 0.5:
        return []
    wrong = filled[~numbers]
    if numbers.mean() < 0.9 and not wrong.map(lambda text: NO_NUMBER.fullmatch(text) is not None).all():
        return []
    return row_problems(file, column, wrong.map(repr), f"{number_expected(wrong)}, as in other rows, or an empty cell")


def is_number(cells: pd.Series) -> pd.Series:
    """Say which cells are finite numbers."""
    numbers = pd.to_numeric(cells, errors="coerce")
    return numbers.notna() & (numbers.abs() != float("inf"))


def number_expected(cells: pd.Series) -> str:
    """Say what should stand in place of cells that are no numbers."""
    return "a number with a decimal point" if cells.str.contains(r"\d,\d", regex=True).any() else "a number"


def _undescribed(table: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    """Find columns that only the table or only the card has; a name that is written in two ways is one problem."""
    extra = [column for column in table.columns if column not in card.columns]
    for column in card.columns:
        if column not in table:
            near = nearest(column, extra)
            extra = [name for name in extra if name != near]
            hint = f" ({near!r} may be meant)" if near else ""
            yield Problem(f"{file}: row 1", f"no column {column!r}, which the card describes", f"the column{hint}")
    for column in extra:
        expected = "a line in columns"
        yield Problem(f"{file}: row 1, column {column}", "a column that the card does not describe", expected)


def _imbalance(table: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    """Levels of a factor between items must have equally many items."""
    for factor in card.between:
        counts = table.groupby(factor, sort=False)["item"].nunique()
        if counts.nunique() > 1:
            found = ", ".join(f"{count} items {level}" for level, count in counts.items())
            yield Problem(f"{file}: row 1, column {factor}", found, "equally many")


def _stray_problems(file: Path, column: str, cells: pd.Series) -> Iterator[Problem]:
    """Find stray characters, each kind a problem."""
    suspect = [
        SUSPECT.search(text) is not None or not (text.isascii() or unicodedata.is_normalized("NFC", text))
        for text in cells.tolist()
    ]
    kinds: dict[str, list[int]] = {}
    for row, text in cells[suspect].items():
        for found in _stray(text):
            kinds.setdefault(found, []).append(row)  # type: ignore[arg-type]
    for found, rows in kinds.items():
        yield from row_problems(file, column, pd.Series(found, rows), "clean, NFC-normalised text")


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
    problems = []
    for column in ("context", "sentence"):
        if column in table:
            known = {text: unknown(text) for text in table[column].unique()}
            words = table[column].map(known).explode().dropna()
            problems += row_problems(file, column, words.map(repr), "words that the model's tokenizer knows")
    return problems
