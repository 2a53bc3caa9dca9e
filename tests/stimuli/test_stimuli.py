"""Stimulus sets: every problem at its row and column, targets where they stand, published files by checksum."""

from __future__ import annotations

import csv
import functools
import hashlib
import http.server
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psylm.common.errors import InputError, PsylmError
from psylm.common.study import Study
from psylm.stimuli import Card, Source, check_stimuli, load_stimuli
from psylm.stimuli.fetch import fetch
from psylm.stimuli.tables import target_starts

CARD = """\
name: small
title: A small set
version: 1.0.0
language: en
paradigm: cloze
licence: CC0-1.0
citation: Written for this test
description: Three items
columns: {item: number, fit: whether it fits, sentence: the sentence, target: the word}
factors: {fit: [fitting, odd]}
"""

ROWS = [
    ["item", "fit", "sentence", "target"],
    ["1", "fitting", "The cat drank milk.", "milk"],
    ["1", "odd", "The cat drank sand.", "sand"],
    ["2", "fitting", "We ate the bread.", "bread"],
    ["2", "odd", "We ate the road.", "road"],
]


def write(folder: Path, rows=ROWS, card=CARD, human=None) -> Path:
    target = folder / "stimuli" / "small"
    target.mkdir(parents=True, exist_ok=True)
    (target / "card.yaml").write_text(card, encoding="utf-8")
    for name, table in (("items.csv", rows), ("human.csv", human)):
        if table is not None:
            with (target / name).open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(table)
    return target


def changed(row: int, column: int, text: str):
    rows = [list(cells) for cells in ROWS]
    rows[row - 1][column] = text
    return rows


def test_a_set_without_problems_loads(tmp_path):
    folder = write(tmp_path)
    assert check_stimuli(folder) == []
    stimuli = load_stimuli("small", Study(tmp_path))
    assert stimuli.items["condition"].tolist() == ["fitting", "odd"] * 2
    assert stimuli.items["start"].tolist() == [14, 14, 11, 11]
    assert stimuli.items.index.tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("rows", "place", "found"),
    [
        (changed(3, 3, "stone"), "row 3, column target", "'stone'"),
        (changed(3, 1, "strange"), "row 3, column fit", "'strange'"),
        (changed(4, 0, "1"), "row 4, column item", "item '1' x fitting again"),
        (ROWS[:4], "row 4, column item", "item '2' without odd"),
        (changed(2, 2, ""), "row 2, column sentence", "an empty cell"),
        (changed(5, 2, "We ate\u00a0the road."), "row 5, column sentence", "a no-break space"),
        (changed(5, 2, "We  ate the road."), "row 5, column sentence", "two spaces"),
        (changed(5, 2, "We ate the cafe\u0301 road."), "row 5, column sentence", "not NFC"),
        (changed(2, 2, "Milk, milk and more milk."), "row 2, column target", "'milk' 2 times"),
        ([*ROWS, ["3", "odd"]], "row 6", "2 cells"),
        ([["item", "fit", "sentences", "target"], *ROWS[1:]], "row 1", "no column 'sentence'"),
        ([[*ROWS[0], "extra"], *[[*row, "x"] for row in ROWS[1:]]], "row 1, column extra", "does not describe"),
    ],
)
def test_a_problem_is_told_at_its_place(tmp_path, rows, place, found):
    problems = check_stimuli(write(tmp_path, rows))
    assert any(problem.place.endswith(f"items.csv: {place}") and found in problem.found for problem in problems)


def test_every_problem_is_told_at_once(tmp_path):
    rows = changed(3, 3, "stone")
    rows[3][1], rows[4][2] = "strange", "We ate the road\u200b."
    places = {problem.place.rpartition(": ")[2] for problem in check_stimuli(write(tmp_path, rows))}
    assert {"row 3, column target", "row 4, column fit", "row 5, column sentence"} <= places


def test_what_cannot_be_run_does_not_load(tmp_path):
    write(tmp_path, changed(3, 3, "stone"))
    with pytest.raises(InputError, match="row 3, column target: found 'stone'; expected a word of the sentence"):
        load_stimuli("small", Study(tmp_path))


def test_human_data_must_match_items_measures_and_numbers(tmp_path):
    human = [
        ["item", "condition", "measure", "value"],
        ["1", "fitting", "cloze", "0.9"],
        ["7", "odd", "cloze", "0.1"],
        ["1", "odd", "cloze", "often"],
        ["1", "odd", "liking", "3"],
    ]
    card = CARD + "human: {cloze: share of people (probability)}\n"
    problems = [str(problem) for problem in check_stimuli(write(tmp_path, card=card, human=human))]
    assert len(problems) == 3
    assert "human.csv: row 3, column item: found '7 x odd'" in problems[0]
    assert "human.csv: row 4, column value: found 'often'; expected a number" in problems[1]
    assert "human.csv: row 5, column measure: found 'liking'" in problems[2]


def test_unbalanced_groups_of_items_are_told(tmp_path):
    card = CARD.replace("{fit: [fitting, odd]}", "{group: [a, b], fit: [fitting, odd]}\nbetween: [group]")
    card = card.replace("fit: whether", "group: a or b, fit: whether")
    rows = [[*ROWS[0], "group"]] + [[*row, "a"] for row in ROWS[1:]]
    rows += [["3", "fitting", "Birds fly.", "fly", "a"], ["3", "odd", "Birds melt.", "melt", "a"]]
    rows += [["4", "fitting", "Fish swim.", "swim", "b"], ["4", "odd", "Fish type.", "type", "b"]]
    problems = check_stimuli(write(tmp_path, rows, card))
    assert [problem.found for problem in problems] == ["3 items a, 1 items b"]


def test_words_that_a_tokenizer_does_not_know_are_told(tmp_path):
    problems = check_stimuli(write(tmp_path), unknown=lambda text: [word for word in text.split() if word == "milk."])
    assert [problem.place.rpartition(": ")[2] for problem in problems] == ["row 2, column sentence"]


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (CARD + "licence_url: x\n", "line 11, key licence_url: found a key that is not known here"),
        (CARD.replace("licence: CC0-1.0\n", ""), "key licence: found nothing"),
        (CARD.replace("name: small", "name: large"), "key name: found 'large'; expected 'small'"),
        (CARD.replace("1.0.0", "one"), "line 3, key version: found 'one'"),
        ("name: [small\n", "broken YAML"),
    ],
)
def test_a_wrong_card_is_told_with_line_and_key(tmp_path, card, told):
    problems = check_stimuli(write(tmp_path, card=card))
    assert told in str(problems[0])


def test_bytes_that_are_no_text_are_told(tmp_path):
    folder = write(tmp_path)
    (folder / "items.csv").write_bytes(b"item,fit,sentence,target\n1,fitting,caf\xe9,caf\n")
    assert "line 2: found bytes that are not UTF-8" in str(check_stimuli(folder)[0])


def test_cells_that_look_like_missing_values_stay_words(tmp_path):
    rows = changed(2, 2, "The boy is called None.")
    rows[1][3] = "None"
    write(tmp_path, rows)
    assert load_stimuli("small", Study(tmp_path)).items["target"].iloc[0] == "None"


words = st.text("abcdé'猫-", min_size=1, max_size=6).filter(lambda word: word.strip("'-") != "")


@settings(max_examples=100, deadline=None)
@given(st.lists(words, min_size=1, max_size=8), st.data())
def test_a_target_is_found_where_it_stands(sentence, data):
    number = data.draw(st.integers(0, len(sentence) - 1))
    text, target = " ".join(sentence) + ".", sentence[number]
    start = len(" ".join(sentence[:number])) + (number > 0)
    starts = target_starts(text, target, "en")
    assert start in starts
    for place in starts:
        assert text[place : place + len(target)] == target


def test_target_word_says_which_of_several(tmp_path):
    rows = [[*ROWS[0], "target_word"], *[[*row, ""] for row in ROWS[1:]]]
    rows[1] = ["1", "fitting", "The cat saw the other cat.", "cat", "5"]
    write(tmp_path, rows, CARD.replace("target: the word}", "target: the word, target_word: which}"))
    assert load_stimuli("small", Study(tmp_path)).items["start"].iloc[0] == 22


def test_published_data_are_taken_only_with_the_right_checksum(tmp_path, monkeypatch):
    monkeypatch.setenv("PSYLM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PSYLM_CACHE", str(tmp_path / "cache"))
    with pytest.raises(PsylmError, match="psylm stimuli fetch devarda2024"):
        load_stimuli("devarda2024", Study(None))
    file = tmp_path / "data" / "devarda2024" / "all_measures.csv"
    file.parent.mkdir(parents=True)
    file.write_text("another file")
    with pytest.raises(PsylmError, match="expected db3ccd10"):
        load_stimuli("devarda2024", Study(None))


@pytest.fixture
def address(tmp_path):
    """A server of one file on this machine."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "items.tsv").write_text("item\n1\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_files_are_fetched_once_and_checked(tmp_path, monkeypatch, address):
    monkeypatch.delenv("PSYLM_DATA", raising=False)
    monkeypatch.setenv("PSYLM_CACHE", str(tmp_path / "cache"))
    digest = hashlib.sha256(b"item\n1\n").hexdigest()
    # Cards take https only; the server of this test has no certificate, so its source skips that one rule.
    right = Source.model_construct(url=f"{address}/items.tsv", sha256=digest, file="set/items.tsv")
    wrong = Source.model_construct(url=f"{address}/items.tsv", sha256="0" * 64, file="set/wrong.tsv")
    lost = Source.model_construct(url=f"{address}/lost.tsv", sha256=digest, file="set/lost.tsv")
    card = Card.model_construct(name="set", sources=[right])
    assert [file.read_text() for file in fetch(card)] == ["item\n1\n"]
    right_again = right.model_copy(update={"url": f"{address}/gone.tsv"})
    assert fetch(Card.model_construct(name="set", sources=[right_again])) == fetch(card)
    for source in (wrong, lost):
        with pytest.raises(PsylmError, match=r"expected a file with SHA-256 .* PSYLM_DATA as set/"):
            fetch(Card.model_construct(name="set", sources=[source]))
        assert not (tmp_path / "cache" / "stimuli" / source.file).exists()


def test_a_source_must_be_fetched_over_https():
    with pytest.raises(ValueError, match="https"):
        Source(url="http://example.org/items.tsv", sha256="0" * 64, file="items.tsv")


def test_a_set_that_needs_no_fetching_says_so():
    with pytest.raises(PsylmError, match="needs no fetching"):
        fetch(load_stimuli("cloze-constraint", Study(None)).card)


@pytest.mark.parametrize(("name", "items"), [("cloze-constraint", 48), ("cloze-constraint-ja", 24)])
def test_the_built_in_sets_hold_what_their_cards_say(name, items):
    study = Study(None)
    assert check_stimuli(study.stimulus_folder(name), name) == []
    table = load_stimuli(name, study).items
    assert table["item"].nunique() == items and len(table) == items * 6
    frames = [sentence[:start] for sentence, start in zip(table["sentence"], table["start"], strict=True)]
    assert table.assign(frame=frames).groupby("item")["frame"].nunique().eq(1).all()
    # Every word is once the best completion, once within and once outside the category, in both contexts.
    roles = table.groupby("target")["completion"].value_counts().unstack()
    assert (roles == 2).all(axis=None)
