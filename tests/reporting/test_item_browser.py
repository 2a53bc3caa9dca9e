"""The data of the item browser: what was scored stands where it belongs, and its size is bounded."""

from __future__ import annotations

import math

import pandas as pd
import pytest

import psylm.reporting.item_browser
from psylm.reporting.item_browser import browser_data
from psylm.reporting.page import json_within_html
from psylm.runs.run import COLUMNS, KINDS, Run
from tests.reporting.test_page import write_run


def rewrite(run: Run, results: pd.DataFrame) -> Run:
    results[COLUMNS].astype(KINDS).to_parquet(run.path / "results.parquet")
    return run


def rows(run: Run, *values) -> pd.DataFrame:
    """Give result rows: (item, condition, region, word_id, word, measure, value)."""
    names = ["item", "condition", "region", "word_id", "word", "measure", "value"]
    made = pd.DataFrame(values, columns=names)
    return made.assign(experiment="made", model="file:a", stimuli="made/up", note="")


def only_set(run: Run) -> dict:
    return browser_data(run)["sets"][0]


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "made", items=6)


def test_values_stand_at_their_trial_and_missing_ones_are_null(run):
    found = only_set(run)
    results = run.results.query("region == 'target'").set_index(["model", "item", "condition", "measure"])["value"]
    trials = found["trials"]
    assert len(trials["item"]) == 12
    for model in run.model_names:
        for trial, key in enumerate(zip(trials["item"], trials["condition"], strict=True)):
            for measure in ("cloze", "surprisal", "rank"):
                shown, value = found["models"][model]["values"][measure][trial], results[(model, *key, measure)]
                assert shown is None if math.isnan(value) else shown == pytest.approx(value, rel=1e-4)
            assert found["models"][model]["completions"][trial][0][1] == 0.5
    human = run.human("made/up").set_index(["item", "condition", "measure"])["value"]
    assert found["people"]["rt"][3] == pytest.approx(human["1", "bad", "rt"], rel=1e-4)
    assert found["units"] == {"cloze": "probability", "rt": "ms"}
    assert found["categories"] == {"fit": ["good", "bad"] * 6}
    assert "published surprisal of Other" in found["numbers"] and "other_multitoken" not in found["numbers"]
    json_within_html(found)  # raises where a number is not finite


def all_words(run: Run) -> pd.DataFrame:
    """Give every word of every trial but the target a surprisal, and number the target among them."""
    made, results = [], run.results
    for one in run.items("made/up").itertuples():
        words = one.sentence.split()
        mine = (results["item"] == one.item) & (results["condition"] == one.condition) & (results["region"] == "target")
        results.loc[mine, "word_id"] = words.index("word")
        made += [
            (one.item, one.condition, "sentence", number, word, "surprisal", number + 0.5)
            for number, word in enumerate(words) if word != "word"
        ]  # fmt: skip
    both = rows(run, *made)
    return pd.concat([results, both, both.assign(model="file:b")])


def test_words_are_kept_only_where_more_than_the_target_was_scored(run):
    assert only_set(run)["words"] == []
    tokens = rows(run, ("0", "good", "token", 0, "A", "surprisal", 9.0))
    rewrite(run, pd.concat([all_words(run), tokens]))
    found = only_set(run)
    assert found["unit"] == "word" and found["words"][0] == run.items("made/up")["sentence"].iloc[0].split()
    place = found["words"][0].index("word")
    scores = found["models"]["file:a"]["words"]["surprisal"][0]
    assert scores[0] == 0.5 and scores[-1] == len(scores) - 0.5
    assert scores[place] is None  # the target's own value is missing in the run that was made
    assert found["models"]["file:b"]["words"]["surprisal"][0][place] is not None
    assert found["models"]["file:a"]["values"]["surprisal"][0] is None
    assert list(found["models"]["file:a"]["words"]) == ["surprisal"]


def test_layers_are_no_words_and_a_marked_word_is_a_value_of_its_trial(run):
    more = rows(
        run,
        *(("0", "good", "sentence", layer, "mean", "similarity", layer / 10) for layer in range(7)),
        ("0", "good", "sentence", -1, "", "similarity", 0.75),
        ("0", "good", "verb", 2, "good", "attention_target", 0.25),
    )
    rewrite(run, pd.concat([run.results, more]))
    found = only_set(run)
    assert found["words"] == []
    values = found["models"]["file:a"]["values"]
    assert values["similarity"][0] == 0.75 and values["attention_target (verb)"][0] == 0.25


def test_a_target_of_several_words_costs_their_sum(run):
    items = run.items("made/up").assign(sentence="An ice cream word.")
    items.to_parquet(run.path / "stimuli/made/up/items.parquet")
    results = run.results
    same = (results["item"] == "1") & (results["condition"] == "good") & (results["measure"] == "surprisal")
    more = rows(
        run,
        ("1", "good", "target", 1, "ice", "surprisal", 4.0),
        ("1", "good", "target", 2, "cream", "surprisal", 0.5),
    )
    rewrite(run, pd.concat([results[~same], more]))
    found = only_set(run)
    trial = list(zip(found["trials"]["item"], found["trials"]["condition"], strict=True)).index(("1", "good"))
    assert found["models"]["file:a"]["values"]["surprisal"][trial] == 4.5


def test_regions_stand_in_for_words_where_only_they_were_scored(run):
    results = run.results
    more = rows(
        run,
        ("0", "good", "subject", -1, "A dog", "surprisal", 7.0),
        ("0", "good", "verb", -1, "barks", "surprisal", 2.0),
        ("0", "good", "sentence", -1, "A dog barks", "sentence_surprisal", 9.0),
    )
    rewrite(run, pd.concat([results[results["measure"] != "surprisal"], more]))
    found = only_set(run)
    assert found["unit"] == "region" and found["words"][0] == ["A dog", "barks"]
    assert found["models"]["file:a"]["words"]["surprisal"][0] == [7, 2]
    values = found["models"]["file:a"]["values"]
    assert values["surprisal (verb)"][0] == 2 and values["sentence_surprisal"][0] == 9


def test_human_values_of_words_are_found_by_their_number(tmp_path):
    run = write_run(tmp_path / "made", models=("file:a",), items=3, factors=False)
    items = run.items("made/up").assign(sentence="w0 w1 w2 w3")
    items.to_parquet(run.path / "stimuli/made/up/items.parquet")
    results = [
        rows(run, *((str(item), "", "sentence", n, f"w{n}", "surprisal", float(n)) for n in range(4)))
        for item in range(3)
    ]
    rewrite(run, pd.concat(results))
    people = pd.DataFrame(
        {"item": ["1", "1", "1"], "measure": "rt", "value": [300.0, 320.0, 400.0], "word_id": ["2", "2", "3"]}
    )
    people.to_parquet(run.path / "stimuli/made/up/human.parquet")
    found = only_set(run)
    assert found["people"] == {} and found["people_words"]["rt"][1] == [None, None, 310, 400]


def test_a_large_run_is_sampled_evenly_by_whole_items(run, monkeypatch):
    monkeypatch.setattr(psylm.reporting.item_browser, "TRIALS", 6)
    found = only_set(run)
    assert (found["shown"], found["items"]) == (3, 6)
    assert found["trials"]["item"] == ["0", "0", "2", "2", "5", "5"]
    assert len(found["models"]["file:b"]["values"]["cloze"]) == 6
    monkeypatch.setattr(psylm.reporting.item_browser, "TRIALS", 12_000)
    monkeypatch.setattr(psylm.reporting.item_browser, "VALUES", 1)
    assert only_set(run)["shown"] == 1


def test_a_text_without_end_is_cut(run, monkeypatch):
    monkeypatch.setattr(psylm.reporting.item_browser, "WORDS", 3)
    rewrite(run, all_words(run))
    found = only_set(run)
    assert found["cut"] and len(found["words"][0]) == 3
