"""One mistake is one problem: how often, the first rows, the way out; every row in a file."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from psylm.common.errors import SHOWN_PROBLEMS, InputError, Problem, write_problems
from psylm.common.study import Study
from psylm.stimuli import check_stimuli, load_stimuli
from tests.cli.test_cli import psylm
from tests.stimuli.test_stimuli import CARD, ROWS, write

pytestmark = pytest.mark.slow


MANY = 300


def many(text: str = "The cat drank {}.", **changed: str):
    """A table of many items, with cells of the second condition changed."""
    rows = [ROWS[0]]
    for number in range(MANY):
        for level, word in (("fitting", "milk"), ("odd", "sand")):
            cells = {"item": str(number), "fit": level, "sentence": text.format(word), "target": word}
            rows.append(list((cells | changed if level == "odd" else cells).values()))
    return rows


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (many(fit="Odd"), "300 rows (3, 5, 7, …), column fit: found 'Odd' (300 times); expected one of fitting"),
        (many("The {0} and the {0}."), "column target: found 'milk' 2 times in the sentence (300 times), 'sand' 2"),
        (many(target="stone"), "300 rows (3, 5, 7, …), column target: found 'stone' (300 times); expected a word of"),
        (many("The cat  drank {}."), "column sentence: found two spaces in a row (600 times); expected clean, NFC-"),
        (many()[:2] + many()[3:], "items.csv: row 2, column item: found item '0' without odd; expected a row for each"),
        (many()[0::2], "300 rows (2, 3, 4, …), column item: found item '0' without fitting, item '1' without fitting"),
        ([*many(), *many()[1:]], "600 rows (602, 603, 604, …), column item: found item '0' x fitting again"),
        ([ROWS[0], *(row[:3] for row in many()[1:])], "600 rows (2, 3, 4, …): found 3 cells (600 times); expected 4"),
    ],
)  # fmt: skip
def test_one_mistake_in_many_rows_is_one_problem(tmp_path, rows, told):
    (problem,) = check_stimuli(write(tmp_path, rows))
    assert told in str(problem)
    assert len(str(problem)) < 400


def test_all_rows_go_to_a_file_that_the_message_names(tmp_path):
    folder = write(tmp_path, many(fit="Odd"))
    before = sorted(folder.iterdir())
    result = psylm("stimuli", "check", "small", cwd=tmp_path)
    assert result.returncode == 2 and "300 rows (3, 5, 7, …)" in result.stderr
    file = Path(re.search(r"every row with a problem: (\S+)", result.stderr)[1])
    with file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["row"]) for row in rows] == list(range(3, 2 * MANY + 2, 2))
    assert {row["found"] for row in rows} == {"'Odd'"}
    assert sorted(folder.iterdir()) == before
    file.unlink()


def test_the_file_can_be_chosen(tmp_path):
    write(tmp_path, many(fit="Odd"))
    result = psylm("stimuli", "check", "small", "--output", "all.csv", cwd=tmp_path)
    assert result.returncode == 2
    assert len((tmp_path / "all.csv").read_text(encoding="utf-8").splitlines()) == MANY + 1
    assert "every row with a problem: all.csv" in result.stderr


def test_a_message_lists_no_more_problems_than_can_be_read(tmp_path):
    error = InputError(*(Problem(f"row {n}", "x") for n in range(SHOWN_PROBLEMS + 5)))
    assert str(error).count("\n") == SHOWN_PROBLEMS and str(error).endswith("and 5 more problems")
    assert len(write_problems(error.problems, tmp_path / "all.csv").read_text().splitlines()) == SHOWN_PROBLEMS + 6


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
@pytest.mark.parametrize("file", ["items.csv", "human.csv"])
def test_another_separator_is_named(tmp_path, separator, name, file):
    folder = write(tmp_path, card=CARD + "human: {rt: time (ms)}\n", human=[["item", "condition", "measure", "value"]])
    lines = "\n".join(separator.join(row) for row in ROWS)
    (folder / file).write_text(lines + "\n", encoding="utf-8")
    (problem,) = map(str, check_stimuli(folder))
    assert f"{file}: row 1: found {name} between cells" in problem and "expected commas" in problem


def test_a_spreadsheet_beside_a_missing_table_is_named(tmp_path):
    folder = write(tmp_path)
    (folder / "items.csv").rename(folder / "items.xlsx")
    (problem,) = map(str, check_stimuli(folder))
    assert "items.csv: found items.xlsx, which is no CSV file; expected items.csv: save the table as CSV" in problem


@pytest.mark.parametrize("name", ["small", "stimuli/small"])
def test_a_folder_without_a_card_is_named(tmp_path, name):
    folder = write(tmp_path)
    (folder / "card.yaml").unlink()
    result = psylm("stimuli", "check", name, cwd=tmp_path)
    assert result.returncode == 2
    assert "found no card.yaml beside items.csv; expected a folder with card.yaml" in result.stderr


def test_a_column_of_nearly_the_name_is_named(tmp_path):
    (problem,) = map(str, check_stimuli(write(tmp_path, [["Item", *ROWS[0][1:]], *ROWS[1:]])))
    assert "no column 'item'; expected item, sentence, fit ('Item' may be meant)" in problem


def test_a_column_that_the_card_names_otherwise_is_one_problem(tmp_path):
    (problem,) = map(str, check_stimuli(write(tmp_path, [[*ROWS[0][:3], "Target"], *ROWS[1:]])))
    assert "no column 'target', which the card describes; expected the column ('Target' may be meant)" in problem


@pytest.mark.parametrize("value", ["NA", "4,25", "n/a", "-", "inf"])
def test_what_is_no_number_in_a_column_of_numbers_is_a_problem(tmp_path, value):
    rows = [[*ROWS[0], "length"], *([*row, str(n)] for n, row in enumerate(ROWS[1:]))]
    rows[3][4] = value
    (problem,) = map(
        str, check_stimuli(write(tmp_path, rows, CARD.replace("target: the word", "target: t, length: l")))
    )
    assert f"row 4, column length: found {value!r}; expected a number" in problem


def test_a_column_of_words_may_hold_some_numbers(tmp_path):
    rows = [[*ROWS[0], "list"], *([*row, name] for name, row in zip("12ab", ROWS[1:], strict=True))]
    assert check_stimuli(write(tmp_path, rows, CARD.replace("target: the word", "target: t, list: l"))) == []


def test_numbers_of_target_words_may_be_written_as_pandas_writes_them(tmp_path):
    rows = [[*ROWS[0], "target_word"], *([*row, ""] for row in ROWS[1:])]
    rows[1] = ["1", "fitting", "The cat saw the other cat.", "cat", "5.0"]
    folder = write(tmp_path, rows, CARD.replace("target: the word}", "target: the word, target_word: which}"))
    assert check_stimuli(folder) == []
    assert load_stimuli("small", Study(tmp_path)).items["start"].iloc[0] == 22


@pytest.mark.parametrize(
    ("column", "cell"), [("start", "x"), ("start", "99"), ("regions", "[[1, 2"), ("regions", '[["a", 0, 999]]')]
)
def test_a_place_that_cannot_be_read_is_a_problem(tmp_path, column, cell):
    """Each of these ended in a traceback, or in a region outside its sentence."""
    rows = [[*ROWS[0], column], *([*row, ""] for row in ROWS[1:])]
    rows[2][4] = cell
    problems = check_stimuli(write(tmp_path, rows, CARD.replace("target: the word}", f"target: t, {column}: c}}")))
    assert any(f"row 3, column {column}: found" in str(problem) for problem in problems)


def test_a_factor_that_the_columns_lack_is_named_without_the_whole_card(tmp_path):
    card = CARD.replace("fit: whether it fits, ", "")
    (problem,) = map(str, check_stimuli(write(tmp_path, card=card)))
    assert problem.endswith("line 9, key columns: found no line for 'fit'; expected one that says what it means")
