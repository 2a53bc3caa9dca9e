"""The attention experiments from their files, with tiny models in place of the real ones: that they run, whole."""

from __future__ import annotations

from pathlib import Path

import pytest

import psylm
from psylm.common.study import Study
from psylm.reporting.analyses import tables_of, write_figures, write_tables

pytestmark = pytest.mark.slow


STUDY = Study(None)


@pytest.mark.parametrize(
    ("name", "condition", "family"),
    [
        ("attention-agreement", "singular/mismatch", "causal"),
        ("attention-reflexives", "mismatch", "causal"),
        ("attention-filler-gap", "gap", "masked"),
        ("attention-case-ja", "scrambled", "causal"),
    ],
)
def test_an_experiment_runs_to_its_tables(
    name: str, condition: str, family: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model = f"file:{request.getfixturevalue(f'{family}_folder')}"
    run = psylm.run(name, models=[model], limit=5, output=tmp_path / "run", study=STUDY, analyse=False)
    write_tables(run, STUDY.analysis_module)
    for module in ("dependencies", "attention"):
        assert STUDY.analysis_module(module).summary(run, tables_of(run, module))
    assert condition in set(run.tables()["dependencies-margins"]["condition"])
    assert len(run.tables()["attention-heads"]) == 2 * 2
    assert run.tables()["attention-links"]["n"].min() >= 10
    if name == "attention-agreement":
        controls = run.tables()["attention-controls"].set_index("control")
        assert controls.loc["position: uniform", "mean"] == pytest.approx(0)
        assert -1 < controls.loc["distance, learnt on other items", "mean"] < 1
        (image,) = [
            file
            for file in write_figures(run, STUDY.analysis_module)
            if "attention-map" in file.name and ".svg" in file.name
        ]
        text = image.read_text()
        assert all(f">{word}<" in text for word in ("painting", "fireplace", "was"))
