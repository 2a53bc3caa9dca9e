"""The doors: what the command line does, one call does; quick to import, and hidden by no module of the same name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import psylm
from psylm.common.errors import InputError
from psylm.common.study import Study
from psylm.common.user_cache import cache_folder
from psylm.reporting.analyses import AnalysisError
from tests.experiment.test_runner import study

pytestmark = pytest.mark.slow


__all__ = ["study"]


def in_a_new_process(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_door_is_callable_whatever_was_imported_before():
    in_a_new_process(
        "import importlib, pkgutil, psylm\n"
        "for module in pkgutil.walk_packages(psylm.__path__, 'psylm.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "shut = [name for name in psylm.DOORS if not callable(getattr(psylm, name))]\n"
        "assert not shut, shut\n"
        "assert {'run', 'analyze', 'draw', 'report', 'score', 'train', 'finetune', 'power', 'init', 'use_study'}"
        " < set(dir(psylm))\n"
    )


@pytest.mark.parametrize(
    "code",
    [
        "from typer.testing import CliRunner\nfrom psylm.cli.main import app\n"
        "assert 'finetune' in CliRunner().invoke(app, ['--help']).output",
        "import psylm\nassert not {'numpy', 'pandas', 'pydantic'} & set(sys.modules)",
    ],
)
def test_help_and_importing_psylm_are_quick(code):
    in_a_new_process(f"import sys\n{code}\nassert 'torch' not in sys.modules")


HITS = """
import pandas as pd
from psylm.figures.drawn import Drawn
from psylm.reporting.analyses import Requires

REQUIRES = Requires()


def tables(run):
    return {"means": run.scores(measure="surprisal").groupby("condition")["value"].mean().reset_index()}


def figures(run, tables):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.bar(tables["means"]["condition"], tables["means"]["value"])
    return {"means": Drawn(figure, "Means.")}


def summary(run, tables):
    return {"Means": [f"There are {len(tables['means'])} means."]}
"""


@pytest.fixture
def analysed(study):
    Path("analysis").mkdir()
    Path("analysis/means.py").write_text(HITS)
    with Path("experiments/trial.yaml").open("a") as file:
        file.write("analysis: [means]\n")
    return study


def test_a_run_ends_with_analysis_figures_and_report_unless_they_are_left_out(analysed):
    bare = psylm.run("trial", output="bare", analyse=False)
    assert {entry.name for entry in bare.path.iterdir()} >= {"results.parquet"}
    assert not any((bare.path / name).exists() for name in ("analysis", "figures", "report.html"))
    whole = psylm.run("trial", output="whole")
    means = whole.results.query("measure == 'surprisal'").groupby("condition")["value"].mean()
    assert whole.tables()["means-means"]["value"].tolist() == pytest.approx(means.tolist())
    assert (whole.path / "figures/means-means.pdf").is_file()
    assert "There are 2 means." in (whole.path / "report.html").read_text(encoding="utf-8")


def test_each_step_takes_a_folder_or_a_run_and_returns_what_it_made(analysed, tmp_path, monkeypatch):
    run = psylm.run("trial", output="bare", analyse=False)
    tables = psylm.analyze("bare")
    assert list(tables) == ["means-means"] and isinstance(tables["means-means"], pd.DataFrame)
    pd.testing.assert_frame_equal(psylm.analyze(run)["means-means"], tables["means-means"])
    drawn = psylm.draw(run, output="elsewhere", formats=["png"], width="single", greyscale=True)
    assert drawn == [Path("elsewhere/means-means.png")] and drawn[0].stat().st_size > 1000
    assert psylm.report("bare") == Path("bare/report.html")
    for door in (psylm.analyze, psylm.draw, psylm.report):
        with pytest.raises(InputError, match=r"nowhere: found no manifest\.json"):
            door("nowhere")
    (tmp_path / "outside").mkdir()
    monkeypatch.chdir(tmp_path / "outside")
    folder = tmp_path / "bare"
    assert psylm.report(folder, study=Study(tmp_path)) == folder / "report.html"
    monkeypatch.chdir(Path(__file__).parents[1])
    with pytest.raises(InputError, match="analysis module: found 'means'"):
        psylm.analyze(folder)
    psylm.use_study(tmp_path)
    assert list(psylm.analyze(folder)) == ["means-means"]


def test_a_module_that_fails_stops_neither_the_report_nor_what_others_make(analysed):
    Path("analysis/broken.py").write_text(
        HITS.replace('return {"means": run', "return {'x': 1 / 0}\n    return {0: run")
    )
    text = Path("experiments/trial.yaml").read_text().replace("[means]", "[broken, means]")
    Path("experiments/trial.yaml").write_text(text)
    with pytest.raises(AnalysisError, match="ZeroDivisionError") as caught:
        psylm.run("trial")
    names = {path.name for path in caught.value.written}
    assert {"means-means.csv", "means-means.png", "report.html"} <= names
    assert psylm.Run("runs/trial").complete


def test_a_studys_own_measure_is_found_by_every_door(study, causal_folder):
    Path("measures").mkdir()
    Path("measures/letters.py").write_text(
        "from psylm.measures import measure\n\n\n"
        "@measure('letters', families={'causal'}, meaning='letters of a sentence')\n"
        "def letters(model, trials, options):\n"
        "    table = trials[['trial']].assign(region='sentence', word_id=-1, word='', measure='letters', note='')\n"
        "    return table.assign(value=[float(len(text)) for text in trials['sentence']])\n"
    )
    scored = psylm.score(f"file:{causal_folder}", ["The cook.", "Time flies."], "letters", device="cpu")
    assert scored["value"].tolist() == [9.0, 11.0]
    config = Path("experiments/trial.yaml")
    config.write_text(config.read_text().replace("  - surprisal", "  - letters"))
    values = psylm.run("trial", analyse=False).scores(measure="letters")["value"]
    assert values.iloc[0] == len("The cook tasted 0 soups.") and len(values) == 24


def test_init_makes_a_study_that_can_be_chosen(tmp_path):
    folder = psylm.init(tmp_path / "mine")
    assert psylm.use_study(folder) == Study(folder)
    assert psylm.load_stimuli("example").items["item"].nunique() > 0


def test_power_returns_its_table_and_writes_it_where_it_is_asked_to(tmp_path):
    sd = {"subject": 60, "item": 30, "subject_slope": 20, "item_slope": 15, "residual": 100}
    table = psylm.power(40, sd, subjects=[8], items=[8], simulations=4, output=tmp_path / "out")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out/power.csv"), table, check_dtype=False)
    assert (tmp_path / "out/power.pdf").stat().st_size > 1000


@pytest.mark.parametrize("cache", [True, False])
def test_nothing_is_kept_of_the_importance_of_heads_where_the_cache_is_off(study, causal_folder, cache):
    name = f"file:{causal_folder}#important-heads=1"
    scored = psylm.score(name, ["The cook tasted the soup."], device="cpu", cache=cache)
    assert scored["value"].notna().all()
    psylm.load_model(name, device="cpu", cache=cache)
    assert (cache_folder() / "scores.sqlite").is_file() == cache


def test_reading_a_config_and_a_models_name_need_no_torch():
    in_a_new_process(
        "import sys\nfrom pathlib import Path\nfrom psylm.experiment.definition import read_experiment\n"
        "from psylm.models.names import ModelSource\nfrom psylm.common.study import Study\n"
        "read_experiment(Study(None).experiment('cloze'), [])\nModelSource.parse('embedded:smollm2-135m')\n"
        "assert 'torch' not in sys.modules"
    )
