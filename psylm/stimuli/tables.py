"""CSV files of a stimulus set, read as text with their row numbers, and made into items."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from psylm.document import read_text
from psylm.errors import InputError, Problem
from psylm.language import find_text, word_spans, written_without_spaces
from psylm.stimuli.card import Card
from psylm.stimuli.regions import placed_regions

TEXT_COLUMNS = ("item", "condition", "context", "sentence", "target")
PLACING = ("start", "target_word")
"""Columns that say where in its sentence a target stands: by character, or by word from 0."""
DIVIDING = ("regions", "region_names")
"""Columns that divide a sentence into regions, as `psylm.stimuli.regions.placed_regions` reads them."""


def read_table(path: Path, separator: str = ",") -> pd.DataFrame:
    """Read a CSV file, every cell as the text that stands there.

    Parameters
    ----------
    path
        The file.
    separator
        What stands between cells.

    Returns
    -------
    DataFrame
        Indexed by row as a spreadsheet shows it: the header is row 1.

    Raises
    ------
    InputError
        The file cannot be read, or rows are longer or shorter than the header.
    """
    text = read_text(path, "a CSV file")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InputError(Problem(str(path), f"broken CSV ({error})", "valid CSV")) from None
    if not rows:
        raise InputError(Problem(str(path), "an empty file", "a header and rows"))
    header = rows[0]
    problems = [
        Problem(f"{path}: row 1, column {name!r}", "this name twice", "each column once")
        for name in sorted({name for name in header if header.count(name) > 1})
    ]
    problems += [
        Problem(f"{path}: row {number}", f"{len(row)} cells", f"{len(header)}, as in the header")
        for number, row in enumerate(rows[1:], start=2)
        if len(row) != len(header)
    ]
    if problems:
        raise InputError(*problems)
    return pd.DataFrame(rows[1:], columns=header, index=pd.RangeIndex(2, len(rows) + 1, name="row"), dtype=str)


def target_starts(sentence: str, target: str, language: str) -> list[int]:
    r"""Find where a target stands in its sentence, as a whole word where the language separates words.

    A letter with a combining accent is a letter of its own.

    Examples
    --------
    >>> target_starts("The art of the cart.", "art", "en")
    [4]
    >>> target_starts("本屋で本を買う。", "本", "ja")
    [0, 3]
    >>> target_starts("one cafe, a cafe\u0301", "cafe", "en")
    [4]
    """
    found, after = [], 0
    while span := find_text(sentence, target, after):
        start, end = span
        neighbours = sentence[max(start - 1, 0) : start] + sentence[end : end + 1]
        alone = written_without_spaces(language) or not any(character.isalnum() for character in neighbours)
        if alone and sentence[start:end] == target:
            found.append(start)
        after = start + 1
    return found


def placed_start(row: pd.Series, language: str) -> int | Problem:
    """Return the offset at which a row's target stands, or what is wrong with it (the place left open)."""
    sentence, target = row["sentence"], row["target"]
    if target == "":
        return -1
    starts = target_starts(sentence, target, language)
    if not starts:
        return Problem("target", repr(target), f"a word of the sentence {sentence!r}")
    if row.get("start", "") != "":
        return int(row["start"]) if int(row["start"]) in starts else Problem("start", row["start"], f"one of {starts}")
    if row.get("target_word", "") != "":
        spans = word_spans(sentence, language)
        number = int(row["target_word"]) if row["target_word"].isdecimal() else -1
        here = [start for start in starts if 0 <= number < len(spans) and spans[number][0] <= start < spans[number][1]]
        return here[0] if here else Problem("target_word", row["target_word"], f"the number, from 0, of {target!r}")
    if len(starts) > 1:
        return Problem(
            "target",
            f"{target!r} {len(starts)} times in the sentence",
            "a target_word column that says which",
        )
    return starts[0]


def make_items(table: pd.DataFrame, card: Card) -> pd.DataFrame:
    """Complete a table that has been checked: every column that a set guarantees, with its type.

    Parameters
    ----------
    table
        Text cells, as `read_table` gives them.
    card
        The set's card.

    Returns
    -------
    DataFrame
        `item, condition, context, sentence, target` (text), `start` (character offset of the target, -1 without
        one), `regions` (JSON list of name, start and end; empty without), the factors, then further columns, as
        numbers where all their cells are.
    """
    items = pd.DataFrame(index=table.index)
    for column in TEXT_COLUMNS:
        items[column] = table.get(column, "")
    if card.factors:
        items["condition"] = table[list(card.factors)].agg("/".join, axis=1)
    located = table.assign(target=items["target"])
    items["start"] = pd.Series({row: placed_start(cells, card.language) for row, cells in located.iterrows()})
    items["regions"] = pd.Series({row: placed_regions(cells) for row, cells in located.iterrows()}, dtype=object)
    for column in table.columns:
        if column not in (*TEXT_COLUMNS, *PLACING, *DIVIDING):
            items[column] = table[column] if column in card.factors else _numbers(table[column])
    return items.astype({"start": "int64"})


def _numbers(column: pd.Series) -> pd.Series:
    """Turn a column into numbers if every cell that is not empty is one."""
    numbers = pd.to_numeric(column.replace("", None), errors="coerce")
    return numbers if numbers.notna().eq(column != "").all() and (column != "").any() else column
