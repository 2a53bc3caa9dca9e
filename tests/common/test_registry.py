"""Registries: psylm's own records and a study's, by name; a file that changes is read again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from psylm.common.errors import InputError
from psylm.common.registry import Registry, use_study
from psylm.measures.registry import MEASURES

pytestmark = pytest.mark.slow


MEASURE = """
from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from psylm.measures import measure


@dataclass
class Letters:
    count: int


@measure("letters", families={{"causal"}}, meaning="letters of a sentence")
def letters(model, trials, options):
    return pd.DataFrame(
        {{"trial": trials["trial"], "region": "sentence", "word_id": -1, "word": "", "measure": "letters",
         "value": [float(Letters(len(one)).count + {more}) for one in trials["sentence"]], "note": ""}}
    )
"""


@pytest.fixture(autouse=True)
def _no_study_afterwards():
    yield
    use_study(None)


def test_the_records_of_the_study_that_the_working_folder_lies_in_are_known(tmp_path):
    """By a process of its own: here, other tests have chosen a study."""
    write(tmp_path, "mine", MEASURE.format(more=0))
    (tmp_path / "stimuli").mkdir()
    script = "import psylm; print(psylm.score('wordfreq:en', ['rusty'], 'letters')['value'][0])"
    (tmp_path / "measures" / "mine.py").write_text(MEASURE.format(more=0).replace('"causal"', '"ngram"'))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "stimuli", env=environment, capture_output=True, text=True
    )
    assert done.stdout == "5.0\n", done.stderr


def write(folder: Path, name: str, text: str) -> Path:
    (folder / "measures").mkdir(parents=True, exist_ok=True)
    file = folder / "measures" / f"{name}.py"
    file.write_text(text)
    return file


def test_a_measure_of_a_study_is_found_after_the_built_in_ones_were_and_belongs_to_its_study(tmp_path):
    assert "surprisal" in MEASURES and "letters" not in MEASURES
    write(tmp_path / "one", "mine", MEASURE.format(more=0))
    use_study(tmp_path / "one")
    assert MEASURES["letters"].meaning == "letters of a sentence" and "surprisal" in MEASURES
    (tmp_path / "two").mkdir()
    use_study(tmp_path / "two")
    assert "letters" not in MEASURES


def test_a_file_that_has_changed_is_read_again(tmp_path):
    file = write(tmp_path, "mine", MEASURE.format(more=0))
    use_study(tmp_path)
    before = MEASURES["letters"].function
    assert MEASURES["letters"].function is before
    file.write_text(MEASURE.format(more=1) + "\n")
    os.utime(file, ns=(1, 1))
    assert MEASURES["letters"].function is not before
    file.unlink()
    assert "letters" not in MEASURES


def test_a_study_cannot_give_a_built_in_name_another_meaning(tmp_path):
    file = write(tmp_path, "mine", MEASURE.format(more=0).replace('"letters"', '"surprisal"'))
    use_study(tmp_path)
    with pytest.raises(InputError, match=r"mine\.py: found the measure 'surprisal', which is psylm's own") as caught:
        MEASURES["surprisal"]
    assert str(file) in str(caught.value)


def test_a_name_that_is_not_there_is_named_with_the_nearest_one():
    shapes: Registry[int] = Registry("shape")
    shapes.add("circle", 0)
    with pytest.raises(InputError, match=r"^here: found 'cirlce'; expected one of circle \(did you mean circle\?\)$"):
        shapes.named("cirlce", "here")
