"""Human data: word numbers, doubled rows, values and units; what can be wrong is reported before anything is scored."""

from __future__ import annotations

import csv
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psylm.common.errors import InputError
from psylm.common.study import Study
from psylm.experiment.runner import run
from psylm.reporting.item_browser import browser_data
from psylm.stimuli import check_stimuli, load_stimuli
from psylm.stimuli.tables import whole_number
from tests.stimuli.test_stimuli import CARD, write

TIMED = CARD + "human: {rt: reading time (ms), accuracy: right answers to the question (probability)}\n"
HEADER = ["subject", "item", "condition", "measure", "word_id", "word", "value"]
ROWS = [
    ["s1", "1", "fitting", "rt", "0", "The", "310"],
    ["s1", "1", "fitting", "rt", "3", "milk.", "402"],
    ["s1", "2", "odd", "rt", "3", "road", "388.5"],
    ["s2", "1", "fitting", "rt", "3", "Milk", "295"],
]


def problems_of(tmp_path, *rows, card=TIMED, header=HEADER) -> list[str]:
    return [str(problem) for problem in check_stimuli(write(tmp_path, card=card, human=[header, *ROWS, *rows]))]


def test_word_numbers_and_words_that_fit_are_no_problem(tmp_path):
    assert problems_of(tmp_path) == []


@pytest.mark.parametrize("blank", ["", " "])
def test_reading_times_and_accuracy_stand_in_one_file(tmp_path, blank):
    """What pandas writes: numbers of words as 3.0, since there are gaps beside them."""
    timed = [[*row[:4], f"{row[4]}.0", *row[5:]] for row in ROWS]
    whole = ["s1", "1", "fitting", "accuracy", blank, "", "1"]
    folder = write(tmp_path, card=TIMED, human=[HEADER, *timed, whole])
    assert check_stimuli(folder) == []
    human = load_stimuli("small", Study(tmp_path)).human
    assert human["word_id"].dtype == "Int64"
    assert human["word_id"].fillna(-1).tolist() == [0, 3, 3, 3, -1]
    assert human["value"].tolist() == [310, 402, 388.5, 295, 1]


def test_a_run_shows_both_in_its_item_browser(tmp_path, causal_folder, monkeypatch):
    """This ended in a traceback after all statistics."""
    whole = [["s1", "1", "fitting", "accuracy", "", "", "1"], ["s2", "1", "fitting", "accuracy", "", "", "0"]]
    timed = [[*row[:4], f"{row[4]}.0", *row[5:]] for row in ROWS]
    write(tmp_path, card=TIMED, human=[HEADER, *timed, *whole])
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "both.yaml").write_text(
        f"name: both\nstimuli: [small]\nmodels: ['file:{causal_folder}']\nmeasures:\n  - surprisal: {{words: all}}\n"
    )
    monkeypatch.chdir(tmp_path)
    (shown,) = browser_data(run("both", study=Study(tmp_path), analyse=False))["sets"]
    assert shown["people"] == {"accuracy": [0.5, None, None, None]}
    assert shown["people_words"]["rt"][0] == [310, None, None, 348.5]  # the mean of 402 and 295


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (["s1", "1", "odd", "rt", "4", "", "1"], "row 6, column word_id: found word 4 of 4 words; expected numbers"),
        (["s1", "1", "odd", "rt", "1.5", "", "1"], "row 6, column word_id: found '1.5'; expected the number of a word"),
        (["s1", "1", "odd", "rt", "-1", "", "1"], "row 6, column word_id: found '-1'"),
        (["s1", "1", "odd", "rt", "1", "dog", "1"], "row 6, column word: found 'dog'; expected 'cat', which is word 1"),
        (["s1", "1", "odd", "rt", "1", "", "inf"], "row 6, column value: found 'inf'; expected a number"),
        (["s1", "1", "odd", "rt", "1", "", "NA"], "row 6, column value: found 'NA'; expected a number; no row where"),
        (["s1", "1", "odd", "rt", "1", "", "4,25"], "row 6, column value: found '4,25'; expected a number with a"),
        (["s1", "1", "odd", "rt", "1", "", "-100"], "row 6, column value: found -100; expected a value from 0 (rt: "),
        (["s1", "1", "odd", "rt", "1", "", "999999"], "row 6, column value: found 999999; expected a time below"),
        (["s1", "1", "odd", "accuracy", "", "", "85"], "row 6, column value: found 85; expected a value from 0 to 1"),
        (ROWS[0], "row 6, column item: found a second row of s1 x 1 x fitting x rt; expected one row for each subject"),
        (["s1", "1", "Odd", "rt", "1", "", "1"], "row 6, column condition: found 'Odd'; expected one of fitting, odd"),
        (["s1", "9", "odd", "rt", "1", "", "1"], "row 6, column item: found '9 x odd'; expected an item and condition"),
        (["s1", "1", "odd", "RT", "1", "", "1"], "column measure: found 'RT'; expected one that the card describes: "
                                                 "rt, accuracy (did you mean rt?)"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_a_problem(tmp_path, row, told):
    (problem,) = problems_of(tmp_path, row)
    assert told in problem


@pytest.mark.parametrize("column", ["sd", "n"])
@pytest.mark.parametrize("cell", ["NA", "4,25", "-2", "inf"])
def test_other_columns_of_numbers_are_checked(tmp_path, column, cell):
    header = ["item", "condition", "measure", "value", column]
    folder = write(tmp_path, card=TIMED, human=[header, ["1", "odd", "rt", "300", cell], ["2", "odd", "rt", "300", ""]])
    (problem,) = check_stimuli(folder)
    assert f"row 2, column {column}: found {cell!r}; expected a number" in str(problem)


def test_word_numbers_that_begin_at_1_are_a_problem(tmp_path):
    """With the last word measured its number is that of no word; with a column `word`, any word says so."""
    rows = [
        ["s1", "1", "fitting", "rt", str(n), word, "300"] for n, word in enumerate(["The", "cat", "drank"], start=1)
    ]
    (problem,) = map(str, check_stimuli(write(tmp_path, card=TIMED, human=[HEADER, *rows])))
    assert "3 rows (2, 3, 4), column word: found 'The', 'cat', 'drank'; expected 'cat', which is word 1" in problem
    assert "numbers of words begin at 0, these begin at 1" in problem
    last = [row[:5] + row[6:] for row in [*rows, ["s1", "1", "fitting", "rt", "4", "milk.", "300"]]]
    header = [name for name in HEADER if name != "word"]
    (problem,) = map(str, check_stimuli(write(tmp_path, card=TIMED, human=[header, *last])))
    assert "row 5, column word_id: found word 4 of 4 words; expected numbers from 0 (here they begin at 1)" in problem


def test_several_people_without_a_column_that_says_who(tmp_path):
    rows = [["1", "odd", "rt", "300"], ["1", "odd", "rt", "301"]]
    (problem,) = check_stimuli(write(tmp_path, card=TIMED, human=[["item", "condition", "measure", "value"], *rows]))
    assert problem.expected.endswith("a column subject, if they are of several people")


def test_the_value_of_a_response_is_how_many_gave_it(tmp_path):
    card = CARD + "human: {cloze: share of people who wrote the word (probability)}\n"
    header = ["item", "condition", "measure", "response", "value"]
    rows = [["1", "odd", "cloze", "milk", "18"], ["1", "odd", "cloze", "sand", "2"], ["1", "odd", "cloze", "", "0.1"]]
    assert check_stimuli(write(tmp_path, card=card, human=[header, *rows])) == []


@pytest.mark.parametrize(
    ("meaning", "told"),
    [
        ("reading time (msec)", "found the unit 'msec'; expected at the end, in parentheses, one of ms, microvolts"),
        ("reading time (msec)", "or a scale: 1 to 7 (did you mean ms?)"),
        ("reading time (s)", "(did you mean ms?)"),
        ("N400 (µV)", "(did you mean microvolts?)"),
        ("reading time", "found no unit in 'reading time'"),
        ("reading time (ms) of a word", "found no unit in"),
    ],
)  # fmt: skip
def test_a_unit_that_is_not_understood_is_a_problem(tmp_path, meaning, told):
    folder = write(
        tmp_path, card=CARD + f"human: {{rt: {meaning}}}\n", human=[["item", "condition", "measure", "value"]]
    )
    (problem,) = check_stimuli(folder)
    assert "card.yaml, key human.rt" in problem.place and told in str(problem)


@pytest.mark.parametrize("unit", ["ms", "microvolts", "probability", "1 to 7", "-3 to 3", "0 or 1", "nats"])
def test_units_that_are_understood(tmp_path, unit):
    folder = write(
        tmp_path, card=CARD + f"human: {{a: b ({unit})}}\n", human=[["item", "condition", "measure", "value"]]
    )
    assert check_stimuli(folder) == []


def test_human_data_in_another_format_are_not_passed_over(tmp_path):
    folder = write(tmp_path, card=TIMED)
    (folder / "human.xlsx").write_bytes(b"PK")
    (problem,) = map(str, check_stimuli(folder))
    assert "human.csv: found human.xlsx, which is no CSV file" in problem


def test_values_of_which_the_unit_says_that_they_cannot_be_do_not_load(tmp_path):
    write(tmp_path, card=TIMED, human=[HEADER, ["s1", "1", "odd", "rt", "1", "", "-100"]])
    with pytest.raises(InputError, match="found -100"):
        load_stimuli("small", Study(tmp_path))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["{}", "{}.0", "{}.", " {} ", "{}.00"]))
def test_whole_numbers_are_read_however_they_are_written(number, written):
    assert whole_number(written.format(number)) == number


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e3", "nan", "inf", "1,0", "٣", "one"])
def test_what_is_no_whole_number(text):
    assert whole_number(text) == -1


def test_every_row_that_was_spoilt_is_found_and_no_other(tmp_path):
    generator = random.Random(3)
    kinds = {"word_id": ["9", "x", "-2"], "value": ["NA", "-5", "1e999", "99999"]}
    rows, spoilt = [], {column: set() for column in kinds}
    for number in range(2, 5002):
        row = dict(zip(HEADER, [f"s{number}", "1", "odd", "rt", "2", "drank", "300"], strict=True))
        if generator.random() < 0.05:
            column = generator.choice(list(kinds))
            row[column] = generator.choice(kinds[column])
            spoilt[column].add(number)
        rows.append(row)
    folder = write(tmp_path, card=TIMED)
    with (folder / "human.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    problems = check_stimuli(folder)
    found = {column: set() for column in kinds}
    for problem in problems:
        found[problem.place.rpartition("column ")[2]] |= {case.row for case in problem.cases}
    assert found == spoilt
    assert len(problems) == 5  # no number, beyond the sentence; no number, below 0, a code for missing
