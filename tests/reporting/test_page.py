"""From a run's tables to its analysis, figures and page, without a model: a run with effects that were put in."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from psylm.common.errors import PsylmError
from psylm.common.study import Study
from psylm.reporting.analyses import write_figures, write_tables
from psylm.reporting.page import write_report
from psylm.runs.run import COLUMNS, Run, RunWriter

pytestmark = pytest.mark.slow


HOSTILE = "<script>alert('x')</script>"
LOAD = Study(None).analysis_module


def write_run(folder: Path, models=("file:a", "file:b"), items=30, factors=True, human=True) -> Run:
    """Write a run whose surprisal rises by 3 bits from `good` to `bad`, and by 2 for each unit of human surprisal."""
    rng = np.random.default_rng(1)
    levels = ["good", "bad"] if factors else [""]
    rows, table, people = [], [], []
    for item in range(items):
        for level in levels:
            expected = rng.uniform(0.02, 0.9)
            table.append(
                {"item": str(item), "condition": level, "context": "", "sentence": f"A {HOSTILE} {level} word 猫.",
                 "target": "word", "start": 4, "fit": level, "sentence_id": item // 3,
                 "other_surprisal": -2 * math.log2(expected), "other_multitoken": item % 4 == 0}
            )  # fmt: skip
            people.append({"item": str(item), "condition": level, "measure": "cloze", "value": expected})
            time = 300 - 10 * math.log2(expected) + rng.normal(0, 3)
            people.append({"item": str(item), "condition": level, "measure": "rt", "value": time})
            for model in models:
                bits = 4 + 3 * (level == "bad") - 2 * math.log2(expected) + rng.normal(0, 0.1)
                name = {"model": model, "item": str(item), "condition": level, "note": ""}
                target = {"region": "target", "word_id": 2, "word": "word"}
                values = {"surprisal": bits, "cloze": 2**-bits, "rank": 5.0, "entropy": 6.0}
                rows += [name | target | {"measure": key, "value": value} for key, value in values.items()]
                completion = {"region": "completion", "word_id": 1, "word": HOSTILE, "measure": "cloze", "value": 0.5}
                rows.append(name | completion)
    results = pd.DataFrame(rows).assign(experiment="made", stimuli="made/up", trial=range(len(rows)))
    results.loc[0, ["value", "note"]] = [np.nan, "first word"]
    card = {
        "name": "made/up", "title": HOSTILE, "version": "1", "language": "en", "licence": "CC0", "citation": "nobody",
        "description": "", "columns": {}, "factors": {"fit": levels} if factors else {}, "between": [],
        "human": {"cloze": "share (probability)", "rt": "reading time (ms)"} if human else {},
        "references": {"other_surprisal": "Other"} if human else {},
        "published": [{"measure": "preference", "who": "BERT", "value": 0.7, "n": 9, "source": "P", "condition": ""}],
    }  # fmt: skip
    model = {"family": "causal", "parameters": 10, "licence": "MIT", "dtype": "float32", "device": "cpu", "sha256": "0"}
    experiment = {"name": "made", "title": HOSTILE, "description": "d", "stimuli": ["made/up"], "analysis": ["cloze"]}
    writer = RunWriter(folder)
    writer.stimuli("made/up", pd.DataFrame(table), pd.DataFrame(people) if human else None)
    writer.manifest(
        {"psylm": "0", "limit": None, "seed": 1, "started": "now", "finished": "then", "status": "complete",
         "experiment": experiment | {"models": list(models), "measures": [{"cloze": {}}, {"surprisal": {}}]},
         "models": dict.fromkeys(models, model), "stimuli": {"made/up": {"sha256": "0", "items": items, "card": card}}}
    )  # fmt: skip
    writer.part("all", results[[*COLUMNS, "trial"]])
    writer.finish([["all"]])
    return Run(folder)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("runs") / "made")
    write_tables(run, LOAD)
    write_figures(run, LOAD)
    write_report(run, LOAD)
    return run


def test_the_tables_hold_what_was_put_in(done):
    tables = done.tables()
    contrasts = tables["cloze-contrasts"]
    assert contrasts["model"].tolist() == ["file:a", "file:b"] and contrasts["contrast"].eq("good − bad").all()
    assert contrasts["estimate"].to_numpy() == pytest.approx([-3, -3], abs=1.5)
    human = tables["cloze-human"].query("coefficient == 'pearson' and measure == 'surprisal'")
    assert (human["estimate"] > 0.8).all()
    rank = tables["cloze-preference"].query("measure == 'good of rank 5 or better'")
    assert rank["estimate"].eq(1).all() and rank["n"].eq(30).all()
    effects = tables["cloze-effects"].query("predictor == 'human cloze surprisal' and words == 'all words'")
    assert effects["estimate"].to_numpy() == pytest.approx([10, 10], abs=1)
    assert (effects["p_holm"] >= effects["p"]).all()


def test_a_missing_value_leaves_its_item_out(done):
    assert done.tables()["cloze-contrasts"]["n"].tolist() == [29, 30]


def test_every_figure_is_there_in_three_formats_with_a_caption(done):
    captions = json.loads((done.path / "figures" / "captions.json").read_text())
    assert len(captions) == 14
    for stem, caption in captions.items():
        assert "n = " in caption and "95%" in caption
        image = matplotlib.image.imread(done.path / "figures" / f"{stem}.png")
        assert image[..., :3].std() > 0.01, "the picture is blank"
        assert (done.path / "figures" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
        assert "<text" in (done.path / "figures" / f"{stem}.svg").read_text()


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.addresses += [value for key, value in attrs if key in ("src", "href", "action", "data")]


def test_the_page_is_self_contained_and_escapes_what_users_write(done):
    text = (done.path / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert all(address.startswith(("data:image/png", "data:text/csv", "#")) for address in page.addresses)
    assert page.scripts == 2 and HOSTILE not in text and "&lt;script&gt;" in text
    assert text.count("<figure") == 14 and "file:b on made/up" in text


def test_analysis_and_figures_are_the_same_again(done):
    before = {path: path.read_bytes() for path in done.path.glob("analysis/*.csv")}
    figures = {path: path.read_bytes() for path in done.path.glob("figures/*.[sp][vd][gf]")}
    write_tables(done, LOAD)
    write_figures(done, LOAD)
    assert before == {path: path.read_bytes() for path in before}
    assert figures == {path: path.read_bytes() for path in figures}


@pytest.mark.parametrize("options", [{"factors": False}, {"items": 1}, {"items": 3}, {"human": False}])
def test_small_and_plain_designs_are_reported_without_failing(tmp_path, options):
    run = write_run(tmp_path / "made", models=("file:a",), **options)
    assert write_tables(run, LOAD) and write_figures(run, LOAD)
    assert write_report(run, LOAD).stat().st_size > 10_000


def test_a_measure_that_an_analysis_needs_is_missed(done, tmp_path):
    run = write_run(tmp_path / "made")
    results = run.results
    results[results["measure"] != "surprisal"].to_parquet(run.path / "results.parquet")
    with pytest.raises(PsylmError, match=r"'cloze', which needs the measure surprisal; .* cloze, entropy, rank"):
        write_tables(run, LOAD)


def test_a_run_that_is_not_complete_says_so(tmp_path):
    run = write_run(tmp_path / "made")
    (run.path / "results.parquet").unlink()
    with pytest.raises(PsylmError, match="not complete"):
        write_tables(run, LOAD)
