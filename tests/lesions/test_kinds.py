"""Kinds of lesions as records: an unknown one is an error, and a study brings its own in one file."""

from __future__ import annotations

import pytest

from psylm.common.errors import InputError
from psylm.common.registry import use_study
from psylm.lesions import lesioned
from psylm.models.lesion_kinds import dose_of
from psylm.runs.score_cache import ScoreCache
from tests.lesions.test_lesions import scored

SWAPPED = """
from psylm.lesions.values import count
from psylm.models.lesion_kinds import LESION_KINDS, Dose, LesionKind


def silence_every(operation, change):
    step = int(change.strength)
    return [(number, head) for number, site in enumerate(operation.sites) for head in range(0, site.heads, step)]


LESION_KINDS.add(
    "every",
    LesionKind("N", "every Nth head of a layer gives zeros", count(1),
               lambda fact: Dose("every Nth head", 1 / fact["strength"], "share"), intact=None, choose=silence_every),
)
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "lesions").mkdir()
    (tmp_path / "lesions" / "every.py").write_text(SWAPPED)
    use_study(tmp_path)
    yield tmp_path
    use_study(None)


def test_a_kind_of_a_study_does_what_the_heads_that_it_takes_do(study, causal):
    with lesioned(causal, "every=2") as model:
        mine, (fact,) = scored(model), model.info.lesion["facts"]
    heads = "+".join(fact["heads"])
    assert heads == "0.0+1.0"
    with lesioned(causal, f"heads={heads}") as model:
        assert scored(model).tolist() == mine.tolist()
    assert dose_of(fact).dose == 0.5


def test_the_dose_of_an_unknown_kind_is_an_error():
    with pytest.raises(InputError, match=r"lesion of a run: found 'hemisphere'; expected one of dropout"):
        dose_of({"kind": "hemisphere", "strength": 1.0})


def test_importance_is_not_kept_where_nothing_is_to_be_kept(causal):
    with lesioned(causal, "important-heads=1", cache=False):
        assert ScoreCache().size()[0] == 0
    with lesioned(causal, "important-heads=1"):
        assert ScoreCache().size()[0] == 1
