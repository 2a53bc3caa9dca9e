"""CSV files of a stimulus set, read as text with their row numbers, and made into items."""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from psylm.common.errors import Case, InputError, Problem
from psylm.common.language import find_text, word_spans, written_without_spaces
from psylm.common.yaml_document import read_text
from psylm.stimuli.card import Card
from psylm.stimuli.problems import rows_in_words, values_in_words
from psylm.stimuli.regions import placed_regions

TEXT_COLUMNS = ("item", "condition", "context", "sentence", "target")
PLACING = ("start", "target_word")
"""Columns that say where in its sentence a target stands: by character, or by word from 0."""
DIVIDING = ("regions", "region_names")
"""Columns that divide a sentence into regions, as `psylm.stimuli.regions.placed_regions` reads them."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
"""What spreadsheets put between cells, by name."""

OTHER_FORMATS = (".xlsx", ".xls", ".ods", ".numbers", ".tsv", ".txt")

WHOLE = re.compile(r"\s*\d+(\.0*)?\s*", re.ASCII)


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
        Indexed by row as a spreadsheet shows it: the header is row 1. Lines without anything are left out.

    Raises
    ------
    InputError
        The file cannot be read, its cells are not separated by commas, or rows are longer or shorter than the header.
    """
    if not path.exists():
        others = [f"{name}, which is no CSV file" for name in _spreadsheets(path)]
        expected = f"{path.name}: save the table as CSV (UTF-8)" if others else "a CSV file"
        raise InputError(Problem(str(path), ", ".join(others) or "no such file", expected))
    text = read_text(path, "a CSV file")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InputError(Problem(str(path), f"broken CSV ({error})", "valid CSV")) from None
    if not rows:
        raise InputError(Problem(str(path), "an empty file", "a header and rows"))
    header = rows[0]
    problems = [*_separator_problems(path, text, separator), *_header_problems(path, header)]
    numbers = [number for number, row in enumerate(rows[1:], start=2) if row]
    cells = [row for row in rows[1:] if row]
    if not problems:
        problems = _length_problems(path, pd.Series(map(len, cells), numbers, dtype="int64"), len(header))
    if problems:
        raise InputError(*problems)
    return pd.DataFrame(cells, columns=header, index=pd.Index(numbers, dtype="int64", name="row"), dtype=str)


def _spreadsheets(path: Path) -> list[str]:
    """Name the files beside a missing one that hold the same table in another format."""
    return [other.name for ending in OTHER_FORMATS if (other := path.with_suffix(ending)).is_file()]


def _separator_problems(path: Path, text: str, separator: str) -> list[Problem]:
    header = text.partition("\n")[0].strip("\r")
    other = max(SEPARATORS, key=header.count)
    if header.count(other) <= header.count(separator):
        return []
    name = SEPARATORS[other]
    expected = f"{SEPARATORS[separator]}: save the table as CSV (UTF-8, comma-separated)"
    return [Problem(f"{path}: row 1", f"{name} between cells ({header[:60]!r})", expected)]


def _header_problems(path: Path, header: list[str]) -> list[Problem]:
    twice = sorted({name for name in header if header.count(name) > 1})
    return [Problem(f"{path}: row 1, column {name!r}", "this name twice", "each column once") for name in twice]


def _length_problems(path: Path, lengths: pd.Series, expected: int) -> list[Problem]:
    wrong = lengths[lengths != expected]
    if wrong.empty:
        return []
    found = wrong.astype(str) + " cells"
    told = f"{expected}, as in the header; a cell with a comma in it stands in double quotes"
    cases = tuple(Case(row, text, told) for row, text in zip(wrong.index.tolist(), found.tolist(), strict=True))
    rows = f"row {wrong.index[0]}" if len(wrong) == 1 else rows_in_words(wrong.index)
    return [Problem(f"{path}: {rows}", values_in_words(found), told, cases)]


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


def placed_start(sentence: str, target: str, start: str, target_word: str, language: str) -> int | Problem:
    """Return the offset at which a target stands, or what is wrong with it, with the column as its place.

    Parameters
    ----------
    sentence, target
        The sentence, and the target in it; no target is at -1.
    start, target_word
        Which of several is meant, if the table says so: a character offset, or the number of a word from 0.
    language
        BCP 47 tag.

    Examples
    --------
    >>> placed_start("The cat saw the other cat.", "cat", "", "5", "en")
    22
    """
    if target == "":
        return -1
    starts = target_starts(sentence, target, language)
    if not starts:
        return Problem("target", repr(target), f"a word of the sentence {sentence!r}")
    if start != "":
        offset = whole_number(start)
        return offset if offset in starts else Problem("start", repr(start), f"one of {starts}")
    if target_word != "":
        spans, number = word_spans(sentence, language), whole_number(target_word)
        here = [one for one in starts if 0 <= number < len(spans) and spans[number][0] <= one < spans[number][1]]
        return here[0] if here else Problem("target_word", repr(target_word), f"the number, from 0, of {target!r}")
    if len(starts) > 1:
        found = f"{target!r} {len(starts)} times in the sentence"
        return Problem("target", found, "a target_word column that says which")
    return starts[0]


@dataclass(frozen=True)
class Located:
    """Where targets and regions stand in the sentences of a table.

    Parameters
    ----------
    starts
        Character offset of each row's target, -1 without one.
    regions
        Regions of each row, as `psylm.stimuli.regions.parse_regions` reads them.
    problems
        Columns with what is wrong in them: findings and expectations, by row.
    """

    starts: pd.Series
    regions: pd.Series
    problems: list[tuple[str, pd.Series, pd.Series]]


def locate(table: pd.DataFrame, language: str) -> Located:
    """Find targets and regions in the sentences of a table of text cells; parameters as in `placed_start`."""
    empty = itertools.repeat("")
    sentences = table["sentence"].tolist()
    starts, regions = [-1] * len(table), [""] * len(table)
    misplaced: dict[tuple[str, bool], dict[int, Problem]] = {}
    columns = {name: table[name].tolist() if name in table else empty for name in (*PLACING, *DIVIDING)}
    if "target" in table:
        placing = zip(sentences, table["target"].tolist(), columns["start"], columns["target_word"], strict=False)
        for at, cells in enumerate(placing):
            start = placed_start(*cells, language)
            if isinstance(start, Problem):
                # Not in the sentence and there twice are two mistakes, mended in different ways.
                misplaced.setdefault((start.place, "target_word" in start.expected), {})[at] = start
            else:
                starts[at] = start
    if "regions" in table:
        dividing = zip(sentences, columns["regions"], columns["region_names"], strict=False)
        for at, (sentence, cell, names) in enumerate(dividing):
            divided = placed_regions(sentence, cell, names)
            if isinstance(divided, Problem):
                misplaced.setdefault((divided.place, False), {})[at] = divided
            else:
                regions[at] = divided
    problems = []
    for (column, _), wrong in misplaced.items():
        rows = table.index[list(wrong)]
        found = pd.Series([one.found for one in wrong.values()], rows)
        problems.append((column, found, pd.Series([one.expected for one in wrong.values()], rows)))
    return Located(
        pd.Series(starts, table.index, dtype="int64"), pd.Series(regions, table.index, dtype=object), problems
    )


def make_items(table: pd.DataFrame, card: Card, located: Located) -> pd.DataFrame:
    """Complete a table that has been checked: every column that a set guarantees, with its type.

    Parameters
    ----------
    table
        Text cells, as `read_table` gives them.
    card
        The set's card.
    located
        Where targets and regions stand, as `locate` finds them.

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
        first, *others = card.factors
        items["condition"] = table[first].str.cat(table[others], sep="/")
    items["start"], items["regions"] = located.starts, located.regions
    for column in table.columns:
        if column not in (*TEXT_COLUMNS, *PLACING, *DIVIDING):
            items[column] = table[column] if column in card.factors else _numbers(table[column])
    return items


def _numbers(column: pd.Series) -> pd.Series:
    """Turn a column into numbers if every cell that is not empty is one."""
    numbers = pd.to_numeric(column.replace("", None), errors="coerce")
    return numbers if numbers.notna().eq(column != "").all() and (column != "").any() else column


def whole_number(text: str) -> int:
    """Read a whole number from 0, `2.0` as well, as pandas writes one in a column that has gaps; -1 for anything else.

    Examples
    --------
    >>> [whole_number(text) for text in ("2", "2.0", "2.5", "-1", "two", "")]
    [2, 2, -1, -1, -1, -1]
    """
    return int(text.strip().partition(".")[0]) if WHOLE.fullmatch(text) else -1
