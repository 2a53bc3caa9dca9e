"""Published formats: a file that is not of its format is reported by file, place and key, never by a traceback."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from psylm.common.errors import InputError
from psylm.stimuli import check_stimuli
from psylm.stimuli.readers.blimp import blimp
from psylm.stimuli.readers.syntaxgym import syntaxgym
from tests.stimuli.test_stimuli import CARD

SICK = "pair_ID\tsentence_A\tsentence_B\trelatedness_score"
REGIONS = [{"region_number": 1, "content": "The keys"}, {"region_number": 2, "content": "are rusty."}]


def suite(**changed):
    condition = {"condition_name": "plain", "regions": REGIONS} | changed.pop("condition", {})
    item = {"item_number": 1, "conditions": [condition]} | changed.pop("item", {})
    return {"items": [item], "predictions": [{"formula": "(1;%plain%) < (2;%plain%)"}]} | changed


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "suite.json: found broken JSON"),
        ("[]", "suite.json: found a list without a key 'predictions'; expected a SyntaxGym"),
        (json.dumps({"items": []}), "suite.json: found no key 'predictions' beside items; expected a Syntax"),
        (json.dumps(suite(items=[{"conditions": []}])), "item 1: found no key 'item_number' beside"),
        (json.dumps(suite(condition={"regions": [{"content": "x"}]})), "condition 1, region 1: found no key 'region_"),
        (json.dumps(suite(predictions=[{"formula": "(1;%plain%) <"}])), "json: predictions, formula '(1;%plain%) <'"),
        (json.dumps(suite(predictions=[{}])), "suite.json: prediction 1: found no key 'formula'"),
    ],
)  # fmt: skip
def test_a_broken_suite_is_reported_at_its_place(tmp_path, content, told):
    file = tmp_path / "suite.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as error:
        syntaxgym([file])
    assert told in str(error.value) and "{'" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "pairs.jsonl: line 2: found broken JSON"),
        (
            '{"sentence_good": "A."}',
            "pairs.jsonl: line 2: found no key 'pairID' beside sentence_good; expected a minimal pair",
        ),
        ('"text"', "pairs.jsonl: line 2: found a str without a key 'sentence_good'"),
    ],
)
def test_a_broken_pair_is_reported_at_its_line(tmp_path, line, told):
    pair = {"sentence_good": "A.", "sentence_bad": "B.", "pairID": "0", "linguistics_term": "t", "field": "syntax"}
    file = tmp_path / "pairs.jsonl"
    file.write_text(f"{json.dumps(pair)}\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError) as error:
        blimp([file])
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("reader", "content", "told"),
    [
        ("sick", "pair_ID\tsentence_A\n1\tA dog.\n", "found no column 'sentence_B'; expected the published format"),
        ("rated_pairs", "one\ttwo\n", "found no column 2"),
        ("jsts", "not JSON\n", "found what cannot be read"),
        ("naturalstories", "item\tword\n1\tA\n", "found no column 'meanItemRT'"),
        ("sick", f"{SICK}\n1\tA dog.\tA cat.\tNA\n", "value: found 'NA'"),
        ("sick", f"{SICK}\n1\tA dog.\tA cat.\t9\n", "a value from 1 to 5"),
    ],
)  # fmt: skip
def test_files_of_another_format_than_the_reader_is_for(tmp_path, monkeypatch, reader, content, told):
    monkeypatch.setenv("PSYLM_DATA", str(tmp_path / "data"))
    file = tmp_path / "data" / "published.txt"
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    source = {
        "url": "https://example.org/x",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "file": file.name,
    }
    folder = Path(tmp_path / "stimuli" / "small")
    folder.mkdir(parents=True)
    sources = json.dumps([source, source] if reader == "naturalstories" else [source])
    card = CARD.partition("columns:")[0] + "columns: {item: number}\nhuman: {similarity: rating (1 to 5)}\n"
    (folder / "card.yaml").write_text(f"{card}reader: {reader}\nsources: {sources}\n", encoding="utf-8")
    problems = [str(problem) for problem in check_stimuli(folder)]
    assert any("published.txt" in problem and told in problem for problem in problems)
