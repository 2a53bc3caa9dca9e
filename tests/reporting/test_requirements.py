"""What an analysis needs is known before scoring; a module that fails shows its own lines, and all else is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from psylm.common.errors import PsylmError
from psylm.common.study import BUILTIN, Study
from psylm.experiment.runner import run
from psylm.reporting.analyses import AnalysisError, write_figures, write_tables
from psylm.reporting.page import write_report
from psylm.runs.run import Run
from tests.cli.test_cli import psylm
from tests.stimuli.test_human_data import TIMED
from tests.stimuli.test_stimuli import CARD, ROWS, write

pytestmark = pytest.mark.slow


MODULE = """\
from __future__ import annotations
from dataclasses import dataclass
import pandas as pd
from psylm.reporting.analyses import Requires

REQUIRES = {requires}

@dataclass(frozen=True)
class Share:
    value: float

def tables(run):
    {tables}

def figures(run, tables):
    {figures}

def summary(run, tables):
    {summary}
"""
GOOD = {
    "requires": '("surprisal",)',
    "tables": 'return {"means": pd.DataFrame({"mean": [Share(run.results["value"].mean()).value]})}',
    "figures": "return {}",
    "summary": 'return {"Means": ["A mean was computed."]}',
}
EXPERIMENT = """\
name: made
stimuli: [small]
models: ["file:{model}"]
measures: [{measures}]
analysis: [{analysis}]
"""


@pytest.fixture
def make(tmp_path, causal_folder, monkeypatch):
    """Write a study with analysis modules, of which `broken` is as the test says, and return it."""
    monkeypatch.chdir(tmp_path)

    def write_study(*, card=CARD, human=None, measures="surprisal", analysis="broken, good", rows=ROWS, **broken):
        write(tmp_path, rows, card, human)
        for folder in ("experiments", "analysis"):
            (tmp_path / folder).mkdir()
        text = EXPERIMENT.format(model=causal_folder, measures=measures, analysis=analysis)
        (tmp_path / "experiments" / "made.yaml").write_text(text)
        (tmp_path / "analysis" / "good.py").write_text(MODULE.format(**GOOD))
        (tmp_path / "analysis" / "broken.py").write_text(MODULE.format(**GOOD | broken))
        return Study(tmp_path)

    return write_study


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"analysis": "good, cloze"}, "made.yaml, line 5, key analysis.1: found 'cloze', which needs the measure "
                                      "cloze; expected it among what measures give, here surprisal"),
        ({"measures": "surprisal: {quantities: [entropy]}"}, "'broken', which needs the measure surprisal; expected it "
                                                            "among what measures give, here entropy"),
        ({"requires": 'Requires(columns=("distance",))'}, "'broken', which needs the columns distance; expected a"),
        ({"requires": 'Requires(unit="ms")'}, "'broken', which needs human data in ms; expected a stimulus set"),
        ({"requires": '"surprisal"'}, "REQUIRES: found 'surprisal'; expected a tuple of measures"),
        ({"requires": "undefined"}, "cannot be loaded: NameError: name 'undefined' is not"),
        ({"tables": "return ("}, "cannot be loaded: SyntaxError: '(' was never closed"),
    ],
)  # fmt: skip
def test_what_an_analysis_lacks_is_reported_before_scoring(make, monkeypatch, change, told):
    monkeypatch.setattr("psylm.experiment.runner.Scorer", None)  # to score would raise a TypeError
    study = make(**change)
    with pytest.raises(PsylmError) as error:
        run("made", study=study, analyse=False)
    assert told in str(error.value)
    assert not Path("runs").exists()


def test_a_module_without_one_of_its_functions_is_reported_before_scoring(make, monkeypatch):
    monkeypatch.setattr("psylm.experiment.runner.Scorer", None)
    study = make()
    Path("analysis/broken.py").write_text("REQUIRES = ()\n")
    with pytest.raises(PsylmError, match="found no tables, figures, summary; expected REQUIRES, tables"):
        run("made", study=study, analyse=False)


def test_units_of_people_are_met_by_one_of_the_sets(make):
    human = [["item", "condition", "measure", "value"], ["1", "odd", "rt", "300"]]
    study = make(card=TIMED, human=human, requires='Requires(unit="ms", columns=("fit", "target"))')
    assert len(write_tables(run("made", study=study, analyse=False), study.analysis_module)) == 4


def test_a_dataclass_in_a_module_with_postponed_annotations(make):
    """It ended in a traceback, since dataclasses look for the module among those that are loaded."""
    module = make().analysis_module("good")
    assert module.Share(0.5).value == 0.5


@pytest.mark.parametrize(
    ("part", "code", "told", "line"),
    [
        ("tables", 'return {"x": run.results["scores"]}', "KeyError: 'scores'", 13),
        ("figures", 'return {"x": tables["means"]["median"]}', "KeyError: 'median'", 16),
        ("summary", "return {'x': [1 / 0]}", "ZeroDivisionError: division by zero", 19),
        ("tables", "return [1]", "tables gave a list; expected a dict of name to DataFrame", None),
        ("figures", 'return {"x": 1}', "figures gave a int as 'x'; expected a Drawn", None),
    ],
)
def test_an_exception_is_shown_as_the_modules_own_lines_and_all_else_is_kept(make, part, code, told, line):
    make(**{part: code})
    result = psylm("run", "made")
    folder = Path("runs/made")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr and "psylm/reporting/analyses.py" not in result.stderr
    assert f"analysis module broken, {part}: {told}" in result.stderr
    if line:
        assert f"broken.py, line {line}, in {part}: {code}" in result.stderr
    for name in ["results.parquet", "analysis/good-means.csv", "report.html"]:
        assert str(folder / name) in result.stdout and (folder / name).is_file()
    assert (folder / "analysis" / "broken-means.csv").is_file() == (part != "tables")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "A mean was computed." in page
    assert "Left out" in page and told.partition("'")[0] in page


def test_a_module_that_is_mended_is_whole_again(make):
    study = make(tables="return 1 / 0")
    done = run("made", study=study, analyse=False)
    with pytest.raises(AnalysisError) as error:
        write_tables(done, study.analysis_module)
    assert [path.name for path in error.value.written] == ["good-means.csv", "good-means.tex"]
    Path("analysis/broken.py").write_text(MODULE.format(**GOOD))
    assert len(write_tables(done, study.analysis_module)) == 4
    assert "Left out" not in write_report(done, study.analysis_module).read_text(encoding="utf-8")


def test_tables_of_an_earlier_analysis_are_no_longer_there(make):
    study = make()
    done = run("made", study=study, analyse=False)
    write_tables(done, study.analysis_module)
    Path("analysis/broken.py").write_text(MODULE.format(**GOOD | {"tables": "return 1 / 0"}))
    with pytest.raises(AnalysisError):
        write_tables(done, study.analysis_module)
    assert sorted(done.tables()) == ["good-means"]


def test_too_few_items_are_noted_before_scoring_and_in_the_report(make):
    make(requires='Requires(measures=("surprisal",), items=2)')
    result = psylm("run", "made", "--limit", "1")
    note = "analysis broken is left out: it needs 2 items of each stimulus set, and small has 1"
    assert result.returncode == 0
    assert result.stderr.index(note) < result.stderr.index("trials to score")
    folder = Path("runs/made-limit-1")
    assert Run(folder).manifest["notes"] == [note]
    assert note in (folder / "report.html").read_text(encoding="utf-8")
    assert not list(folder.glob("analysis/broken-*"))


BUILT_IN = [file.stem for file in sorted((BUILTIN / "experiments").glob("*.yaml"))]
ELSEWHERE = ("acquisition",)
"""What trains its models first."""


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name not in ELSEWHERE])
def test_every_experiment_that_is_built_in_ends_cleanly_with_one_item(tmp_path, causal_folder, name):
    study = Study(None)
    layers = ["measures.states.layer=all"] if name == "probes" else []
    model = f"file:{causal_folder}"
    try:
        done = run(name, output=tmp_path / "run", models=[model], limit=1, study=study, overrides=layers)
    except PsylmError as error:
        if "psylm stimuli fetch" not in str(error):
            raise
        pytest.skip(f"the data of {name} are not here")
    write_tables(done, study.analysis_module)
    write_figures(done, study.analysis_module, formats=("png",))
    page = write_report(done, study.analysis_module).read_text(encoding="utf-8")
    assert len(done.results)
    left = "is left out: it needs 2 items" in page
    alone = {"lesion-dose", "lesion-meaning", "participants", "association", "jsts", "sentence-meaning"}
    assert left == (name in alone)
