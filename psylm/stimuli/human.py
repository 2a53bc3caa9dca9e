"""What can be wrong with human data: rows that match no item or word, doubled rows, values that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from psylm.common.errors import Problem, PsylmError, nearest, one_of
from psylm.common.language import word_spans
from psylm.stimuli.card import Card
from psylm.stimuli.check import is_number, missing_columns, number_expected
from psylm.stimuli.problems import first_row, row_problems
from psylm.stimuli.tables import whole_number

UNITS = ("ms", "microvolts", "probability", "bits", "nats", "count")
"""Units that a card may give; besides them scales, `1 to 7`, and `0 or 1`."""

SCALE = re.compile(r"(-?\d+(?:\.\d+)?) (?:to|or) (-?\d+(?:\.\d+)?)")

SYNONYMS = {
    **dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds", "s", "sec", "second", "seconds"), "ms"),
    **dict.fromkeys(("uv", "µv", "μv", "microvolt"), "microvolts"),
    **dict.fromkeys(("proportion", "share", "p", "prob"), "probability"),
}
"""How units are written elsewhere; seconds and proportions of 100 must be converted, not only renamed."""

LONGEST = 60_000
"""Milliseconds that nobody reads a word or a sentence for."""

CODE = re.compile(r"\s*-?9{4,}(\.0*)?\s*")
"""What stands for a missing value in many laboratories' files."""

KEYS = ("subject", "item", "condition", "measure", "word_id", "response")
"""Columns that tell the rows of human data apart."""


def unit_of(meaning: str) -> str:
    """Return the unit that a card gives in parentheses at the end of what a human measure means.

    Examples
    --------
    >>> unit_of("reading time (ms)"), unit_of("how much people liked it")
    ('ms', '')
    """
    return meaning.rpartition("(")[2][:-1].strip() if meaning.endswith(")") else ""


def human_problems(human: pd.DataFrame | None, items: pd.DataFrame, card: Card, file: Path) -> list[Problem]:
    """Find what keeps human data from being used.

    Parameters
    ----------
    human
        Text cells, or None where a set has no human data.
    items
        The set's items, as `psylm.stimuli.tables.make_items` completes them.
    card
        The set's card.
    file
        The file, for messages.
    """
    if human is None:
        return []
    required = ["item", "measure", "value"] + (["condition"] if card.factors else [])
    missing = missing_columns(human, required, file)
    if missing:
        return missing
    problems = list(_key_problems(human, items, file))
    known = not problems
    strange = human["measure"][~human["measure"].isin(card.human)]
    described = one_of(strange.unique().tolist()[:9], list(card.human)).removeprefix("one of ")
    problems += row_problems(file, "measure", strange.map(repr), f"one that the card describes: {described}")
    problems += _value_problems(human, card, file)
    if "word_id" in human:
        problems += _word_problems(human, items, card, file) if known else []
    problems += _doubled(human, file)
    return sorted(problems, key=first_row)


def _doubled(human: pd.DataFrame, file: Path) -> list[Problem]:
    """Find rows that say a second time what somebody did at the same place."""
    keys = [column for column in KEYS if column in human]
    again = human[human.duplicated(keys)]
    if again.empty:
        return []
    named = again[[column for column in keys if column not in ("word_id", "response")]].agg(" x ".join, axis=1)
    hint = "" if "subject" in human else "; a column subject, if they are of several people"
    return row_problems(file, "item", "a second row of " + named, f"one row for each {', '.join(keys)}{hint}")


def _key_problems(human: pd.DataFrame, items: pd.DataFrame, file: Path) -> Iterator[Problem]:
    """Find items and conditions that the set has not, apart or together."""
    keys = ["item", "condition"] if "condition" in human else ["item"]
    pairs = pd.MultiIndex.from_frame(human[keys]) if len(keys) == 2 else pd.Index(human["item"])
    known = pd.MultiIndex.from_frame(items[keys]) if len(keys) == 2 else pd.Index(items["item"])
    wrong = ~pairs.isin(known)
    conditions = items["condition"].unique().tolist()
    alone = wrong & ~human["condition"].isin(conditions) if "condition" in human else np.zeros(len(human), bool)
    if "condition" in human:
        strange = human["condition"][alone]
        yield from row_problems(file, "condition", strange.map(repr), one_of(strange.unique().tolist()[:9], conditions))
    rest = human.loc[wrong & ~alone, keys]
    told = rest.agg(" x ".join, axis=1) if len(rest) else rest["item"]
    yield from row_problems(file, "item", told.map(repr), f"an item{' and condition' * (len(keys) - 1)} of the set")


def _value_problems(human: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    """Find values, standard deviations and counts that are no numbers, and values that their unit does not allow."""
    numeric = is_number(human["value"])
    wrong = human["value"][~numeric]
    yield from row_problems(file, "value", wrong.map(repr), f"{number_expected(wrong)}; no row where there is none")
    for column in ("sd", "n"):
        if column in human:
            cells = human[column]
            wrong = cells[(cells.str.strip() != "") & ~(is_number(cells) & ~cells.str.strip().str.startswith("-"))]
            yield from row_problems(file, column, wrong.map(repr), f"{number_expected(wrong)} from 0, or an empty cell")
    values = pd.to_numeric(human["value"], errors="coerce")
    # With a response, the value is how many people gave it.
    numeric &= human["response"].str.strip() == "" if "response" in human else True
    for measure, meaning in card.human.items():
        low, high = _range(unit_of(meaning))
        outside = numeric & (human["measure"] == measure) & ~values.between(low, high)
        expected = f"{_range_in_words(low, high)} ({measure}: {meaning})"
        yield from row_problems(file, "value", human["value"][outside], expected)


def _range(unit: str) -> tuple[float, float]:
    scale = SCALE.fullmatch(unit)
    if scale:
        return float(scale[1]), float(scale[2])
    return {"ms": (0.0, np.inf), "probability": (0.0, 1.0), "count": (0.0, np.inf)}.get(unit, (-np.inf, np.inf))


def _range_in_words(low: float, high: float) -> str:
    return f"a value from {low:g}" + (f" to {high:g}" if high < np.inf else "")


def _word_problems(human: pd.DataFrame, items: pd.DataFrame, card: Card, file: Path) -> Iterator[Problem]:
    """Find word numbers that are none, that no word of the sentence has, or that another word than `word` has."""
    cells = human["word_id"][human["word_id"].str.strip() != ""]
    numbers = pd.Series({text: whole_number(text) for text in cells.unique()}, dtype="int64").reindex(cells)
    numbers.index = cells.index
    wrong = cells[numbers < 0]
    yield from row_problems(file, "word_id", wrong.map(repr), "the number of a word from 0, or an empty cell")
    numbers = numbers[numbers >= 0]
    if numbers.empty:
        return
    keys = ["item", "condition"] if "condition" in human else ["item"]
    texts = items.drop_duplicates(keys).set_index(keys)["sentence"]
    at = human.loc[numbers.index, keys]
    sentences = texts.reindex(pd.MultiIndex.from_frame(at) if len(keys) == 2 else at["item"])
    sentences.index = numbers.index
    try:
        words = {text: [text[slice(*span)] for span in word_spans(text, card.language)] for text in sentences.unique()}
    except PsylmError as error:
        yield Problem(f"{file}: column word_id", "numbers of words", f"a language whose words psylm finds ({error})")
        return
    lengths = sentences.map({text: len(found) for text, found in words.items()})
    beyond = numbers >= lengths
    from_one = beyond.any() and (numbers[beyond] == lengths[beyond]).all() and (numbers > 0).all()
    counted = " (here they begin at 1)" if from_one else ""
    found = "word " + numbers[beyond].astype(str) + " of " + lengths[beyond].astype(str) + " words"
    yield from row_problems(file, "word_id", found, f"numbers from 0{counted} to one below the number of words")
    if "word" in human:
        yield from _other_words(human["word"][numbers.index[~beyond]], numbers[~beyond], sentences, words, file)


def _other_words(
    said: pd.Series, numbers: pd.Series, sentences: pd.Series, words: dict[str, list[str]], file: Path
) -> Iterator[Problem]:
    """Find rows whose `word` is not the word that their number means; its punctuation and capitals may differ."""
    said = said[said.str.strip() != ""]
    pairs = zip(sentences[said.index].tolist(), numbers[said.index].tolist(), strict=True)
    there = [(words[text], number) for text, number in pairs]
    wrong = [_plain(word) != _plain(found[number]) for word, (found, number) in zip(said.tolist(), there, strict=True)]
    if not any(wrong):
        return
    before = [
        number > 0 and _plain(word) == _plain(found[number - 1])
        for word, (found, number), other in zip(said.tolist(), there, wrong, strict=True)
        if other
    ]
    counted = "; numbers of words begin at 0, these begin at 1" if all(before) else ""
    expected = pd.Series([f"{found[number]!r}, which is word {number}{counted}" for found, number in there], said.index)
    yield from row_problems(file, "word", said[wrong].map(repr), expected[wrong])


def _plain(word: str) -> str:
    """Return a word's letters and digits, in small letters; a mark alone is itself."""
    return "".join(filter(str.isalnum, word.casefold())) or word.strip()


def human_quality(human: pd.DataFrame | None, card: Card, folder: Path, file: Path) -> list[Problem]:
    """Find what human data can be used with but should not have: units that nothing understands, values beyond belief.

    Parameters
    ----------
    human, card, file
        As in `human_problems`.
    folder
        The set's folder, where the card is.
    """
    problems = []
    for measure, meaning in card.human.items():
        unit = unit_of(meaning)
        if unit not in UNITS and not SCALE.fullmatch(unit):
            near = SYNONYMS.get(unit.lower()) or nearest(unit, UNITS)
            hint = f" (did you mean {near}?)" if unit and near else ""
            expected = f"at the end, in parentheses, one of {', '.join(UNITS)}, or a scale: 1 to 7{hint}"
            found = f"the unit {unit!r}" if unit else f"no unit in {meaning!r}"
            problems.append(Problem(f"{folder / 'card.yaml'}, key human.{measure}", found, expected))
    if human is None:
        if card.human and not card.reader:
            beside = [name for name in ("human.xlsx", "human.xls", "human.ods") if (folder / name).is_file()]
            found = f"{beside[0]}, which is no CSV file" if beside else "no such file"
            problems.append(Problem(str(folder / "human.csv"), found, "the human data that the card describes, as CSV"))
        return problems
    if not {"measure", "value"} <= set(human.columns):
        return problems
    timed = human["measure"].isin([name for name, meaning in card.human.items() if unit_of(meaning) == "ms"])
    values = pd.to_numeric(human["value"], errors="coerce")
    beyond = (timed & (values > LONGEST) & (values < np.inf)) | human["value"].str.fullmatch(CODE.pattern)
    expected = f"a time below {LONGEST:,} ms, and no row where nothing was measured"
    return problems + row_problems(file, "value", human["value"][beyond], expected)


def with_types(human: pd.DataFrame) -> pd.DataFrame:
    """Give the columns of human data that have been checked their types: numbers of words may be missing."""
    typed = human.assign(value=pd.to_numeric(human["value"]).astype("float64"))
    if "word_id" in human:
        numbers = {text: whole_number(text) for text in human["word_id"].unique()}
        known = {text: number if number >= 0 else None for text, number in numbers.items()}
        typed["word_id"] = human["word_id"].map(known).astype("Int64")
    return typed
