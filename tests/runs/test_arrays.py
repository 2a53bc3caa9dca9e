"""What does not fit a table: written by a run, resumed, and read back trial by trial."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psylm.common.errors import InputError
from psylm.common.study import Study
from psylm.experiment.runner import run
from psylm.measures import registry
from psylm.runs.run import Run


@pytest.fixture
def lengths(monkeypatch):
    """A measure that gives each trial's length, as a value, a vector of two, and an array of the length's own size."""
    calls = []

    def measure(model, trials, options):
        calls.append(len(trials))
        if len(calls) == 2:
            raise KeyboardInterrupt
        size = dict(zip(trials["trial"], trials["sentence"].str.len(), strict=True))
        table = pd.DataFrame(
            [[trial, "sentence", -1, "", "length", float(n), ""] for trial, n in size.items()],
            columns=registry.SCORE_COLUMNS,
        )
        twice = {trial: np.array([n, 2 * n], dtype=np.float32) for trial, n in size.items()}
        ragged = {trial: np.full(n, n, dtype=np.float16) for trial, n in size.items()}
        return table, {"twice": twice, "ragged": ragged}

    made = registry.Measure(
        "length",
        measure,
        needs=frozenset(),
        only=frozenset({"causal"}),
        options=registry.NoOptions,
        needs_target=False,
        together="alone",
        meaning="letters",
        arrays=True,
    )
    assert "length" not in registry.MEASURES
    monkeypatch.setitem(registry.MEASURES._own, "length", made)
    yield calls


def test_a_run_that_was_stopped_ends_with_every_array_once(lengths, causal_folder, tmp_path):
    study = tmp_path / "study"
    (study / "experiments").mkdir(parents=True)
    (study / "experiments" / "e.yaml").write_text(
        f'name: e\nstimuli: [agreement-grammar]\nmodels: ["file:{causal_folder}"]\nmeasures: [length]\n'
    )
    given = {"output": tmp_path / "run", "study": Study(study)}
    with pytest.raises(KeyboardInterrupt):
        run("e", **given, analyse=False)
    assert list((tmp_path / "run" / "arrays").glob("*.safetensors"))
    finished = run("e", **given, analyse=False)

    model = f"file:{causal_folder}"
    items = finished.items("agreement-grammar")
    length = items["sentence"].str.len().to_numpy()
    trials, array = finished.stacked("twice", model=model, stimuli="agreement-grammar")
    np.testing.assert_array_equal(array, np.stack([length, 2 * length], -1))
    assert trials["item"].tolist() == items["item"].astype(str).tolist()
    assert trials["condition"].tolist() == items["condition"].astype(str).tolist()
    ragged = list(Run(tmp_path / "run").arrays("ragged", model=model, stimuli="agreement-grammar"))
    assert [len(one) for _, _, one in ragged] == length.tolist()
    assert finished.array_names() == ["ragged", "twice"]
    assert sum(lengths) > len(items)  # the part that was stopped was computed again, the others were not
    assert sum(lengths) < 2 * len(items)


def test_arrays_that_are_not_there_or_differ_in_shape_are_told(lengths, causal_folder, tmp_path):
    lengths += [0, 0]
    study = tmp_path / "study"
    (study / "experiments").mkdir(parents=True)
    model = f"file:{causal_folder}"
    (study / "experiments" / "e.yaml").write_text(
        f'name: e\nstimuli: [agreement-grammar]\nmodels: ["{model}"]\nmeasures: [length]\n'
    )
    finished = run("e", output=tmp_path / "run", study=Study(study), limit=8, analyse=False)
    with pytest.raises(InputError, match="none named 'maps'; expected one of ragged, twice"):
        finished.stacked("maps", model=model, stimuli="agreement-grammar")
    with pytest.raises(InputError, match="expected one shape"):
        finished.stacked("ragged", model=model, stimuli="agreement-grammar")
