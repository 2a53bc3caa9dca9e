"""A run folder as a study's code reads it: chosen scores, models by sets, tables that stay as they are."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from psylm.common.errors import InputError
from psylm.runs.run import COLUMNS, Run, RunWriter, write_table

MODELS, SETS = ["hub:one", "hub:two"], ["pairs", "frames"]
MEASURES, REGIONS = ["surprisal", "entropy"], ["target", "sentence"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Two models on two sets of two items, two measures in two regions each: 32 values, each of its own."""
    writer = RunWriter(tmp_path)
    writer.manifest(
        {
            "models": {name: {} for name in MODELS},
            "stimuli": {name: {"card": {"name": name}} for name in SETS},
            "seed": 7,
        }
    )
    for name in SETS:
        writer.stimuli(name, pd.DataFrame({"item": [1, 2], "condition": "", "sentence": ["One.", "Two."]}), None)
    cells = list(product(MODELS, SETS, MEASURES, REGIONS, ["1", "2"]))
    rows = pd.DataFrame(cells, columns=["model", "stimuli", "measure", "region", "item"])
    rows = rows.assign(word_id=-1, value=[float(number) for number in range(len(rows))])
    write_table(tmp_path / "results.parquet", rows.reindex(columns=COLUMNS))
    return Run(tmp_path)


def test_scores_are_the_rows_that_a_query_of_the_results_gives(run: Run):
    pd.testing.assert_frame_equal(run.scores(), run.results)
    for model, stimuli, measure, region in product(MODELS, SETS, MEASURES, REGIONS):
        wanted = "model == @model and stimuli == @stimuli and measure == @measure and region == @region"
        found = run.scores(model=model, stimuli=stimuli, measure=measure, region=region)
        pd.testing.assert_frame_equal(found, run.results.query(wanted))
        assert len(found) == 2


def test_scores_of_several_names_come_in_the_order_of_the_results(run: Run):
    found = run.scores(model=["hub:two", "hub:one"], stimuli={"frames"}, measure=("entropy",))
    assert found["model"].tolist() == ["hub:one"] * 4 + ["hub:two"] * 4
    assert found["value"].is_monotonic_increasing


def test_what_was_not_measured_has_no_rows_and_what_was_not_run_is_an_error(run: Run):
    assert run.scores(measure="cloze").empty and run.scores(region="verb").empty and run.scores(measure=[]).empty
    with pytest.raises(InputError, match=r"model: found 'hub:on'; expected one of hub:one, hub:two .*mean hub:one"):
        run.scores(model="hub:on")
    with pytest.raises(InputError, match="stimuli: found 'pair'; expected one of pairs, frames"):
        run.scores(stimuli=["frames", "pair"])
    with pytest.raises(InputError, match="stimuli: found 'pair'"):
        run.card("pair")


def test_the_grid_is_every_model_on_every_set_in_the_order_of_the_config(run: Run):
    assert list(run.grid()) == [
        ("hub:one", "pairs"),
        ("hub:one", "frames"),
        ("hub:two", "pairs"),
        ("hub:two", "frames"),
    ]


def test_what_an_analysis_does_to_a_table_does_not_reach_the_next(run: Run):
    for read in (
        lambda: run.results,
        lambda: run.scores(),
        lambda: run.scores(model="hub:one"),
        lambda: run.items("pairs"),
    ):
        before = read().copy()
        table = read()
        table["model"] = "changed"
        table.iloc[0, 0] = "changed"
        pd.testing.assert_frame_equal(read(), before)


def test_a_table_is_read_once_and_again_where_its_file_has_changed(run: Run, monkeypatch: pytest.MonkeyPatch):
    read, times = pd.read_parquet, []
    monkeypatch.setattr(pd, "read_parquet", lambda path: times.append(path) or read(path))
    for _ in range(3):
        run.scores(measure="surprisal")
        assert len(run.results) == 32
        run.items("pairs")
    assert len(times) == 2
    write_table(run.path / "results.parquet", run.results.iloc[:5])
    assert len(run.results) == 5 and len(times) == 3


def test_items_have_keys_that_match_those_of_the_results(run: Run):
    joined = run.items("pairs").merge(run.scores(stimuli="pairs", measure="entropy", region="target"), on="item")
    assert len(joined) == 4 and run.seed == 7
