"""Scores are computed once: across runs, models, items and processes."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from psylm.common.errors import PsylmError
from psylm.common.registry import use_study
from psylm.experiment import scorer as scorer_module
from psylm.experiment.scorer import Scorer
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.runs.score_cache import ScoreCache
from tests.conftest import TEXT

pytestmark = pytest.mark.slow


class Counting:
    """Counts the trials that a measure's function is given."""

    def __init__(self, monkeypatch, name):
        self.trials = 0
        asked = MEASURES[name]
        self.measure = type(asked)(**(vars(asked) | {"function": self._count(asked.function)}))
        self.options = asked.options()

    def _count(self, function):
        def counted(model, trials, options):
            self.trials += len(trials)
            return function(model, trials, options)

        return counted


@pytest.fixture
def make(causal_folder):
    def scorer(**changes):
        given = {"device": "cpu", "dtype": "float32", "cache": ScoreCache()} | changes
        return Scorer(f"file:{causal_folder}", **given)

    return scorer


def frames(trials, words):
    return sentence_trials([f"The cook tasted the {word}." for word in words], targets=words, items=["1"] * len(words))


def test_nothing_is_computed_twice_and_no_model_is_loaded(make, monkeypatch):
    counting = Counting(monkeypatch, "surprisal")
    trials = sentence_trials(TEXT[:4])
    first = make().score(counting.measure, counting.options, trials)
    assert counting.trials == 4
    monkeypatch.setattr(scorer_module, "load_model", lambda *_, **__: pytest.fail("a model was loaded"))
    again = make()
    pd.testing.assert_frame_equal(again.score(counting.measure, counting.options, trials), first)
    assert counting.trials == 4


def test_new_items_are_computed_alone(make, monkeypatch):
    counting = Counting(monkeypatch, "surprisal")
    make().score(counting.measure, counting.options, sentence_trials(TEXT[:3]))
    both = make().score(counting.measure, counting.options, sentence_trials(TEXT[:5]))
    assert counting.trials == 5
    pd.testing.assert_frame_equal(
        both, make(cache=None).score(counting.measure, counting.options, sentence_trials(TEXT[:5]))
    )


def test_other_options_texts_and_precisions_are_computed(make, monkeypatch):
    counting = Counting(monkeypatch, "surprisal")
    trials = sentence_trials(TEXT[:2])
    make().score(counting.measure, counting.options, trials)
    make().score(counting.measure, counting.measure.options(correction=False), trials)
    make(dtype="bfloat16").score(counting.measure, counting.options, trials)
    make().score(counting.measure, counting.options, trials.assign(context="It was late."))
    assert counting.trials == 8


def test_a_frames_candidates_belong_together(make, monkeypatch):
    """A third candidate changes the share of the other two, so that all three are computed again."""
    counting = Counting(monkeypatch, "cloze")
    make().score(counting.measure, counting.options, frames(None, ["soup", "salt"]))
    three = make().score(counting.measure, counting.options, frames(None, ["soup", "salt", "window"]))
    assert counting.trials == 5
    shares = three[three["measure"] == "cloze_candidates"]["value"]
    assert len(shares) == 3 and shares.sum() == pytest.approx(1)


def test_trials_that_are_alike_are_computed_once_and_each_has_its_rows(make, monkeypatch):
    counting = Counting(monkeypatch, "sentence_surprisal")
    trials = sentence_trials([TEXT[0], TEXT[1], TEXT[0]])
    table = make().score(counting.measure, counting.options, trials)
    assert counting.trials == 2
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["value"][0] == table["value"][2]


def test_changed_weights_are_another_model(make, causal_folder, tmp_path, monkeypatch):
    import shutil

    counting = Counting(monkeypatch, "sentence_surprisal")
    trials = sentence_trials(TEXT[:1])
    before = make().score(counting.measure, counting.options, trials)["value"].item()
    other = tmp_path / "other"
    shutil.copytree(causal_folder, other)
    network = load_model(f"file:{causal_folder}", device="cpu").network
    for parameter in network.parameters():
        parameter.data *= 1.1
    network.save_pretrained(other)
    changed = Scorer(f"file:{other}", device="cpu", dtype="float32", cache=ScoreCache())
    assert changed.score(counting.measure, counting.options, trials)["value"].item() != before
    assert counting.trials == 2


def test_what_was_not_asked_for_longest_makes_room(tmp_path):
    cache = ScoreCache(tmp_path / "scores.sqlite", limit=1000)
    for number in range(10):
        cache.put({bytes([number]): "x" * 90})
    cache.get([b"\x00"])
    cache.put({b"new": "x" * 200})
    count, held = cache.size()
    assert held <= 800 and count < 11
    assert set(cache.get([b"\x00", b"\x01", b"new"])) == {b"\x00", b"new"}


def test_a_damaged_cache_is_told(tmp_path):
    (tmp_path / "scores.sqlite").write_bytes(b"this is no database, whatever its name says" * 50)
    with pytest.raises(PsylmError, match="kept scores cannot be used"):
        ScoreCache(tmp_path / "scores.sqlite").get([b"a"])


WRITER = """
import sys
from pathlib import Path
from psylm.runs.score_cache import ScoreCache
cache = ScoreCache(Path(sys.argv[1]))
for number in range(60):
    cache.put({f"{sys.argv[2]}-{number}".encode(): str(number)})
    cache.get([b"a-0", b"b-0"])
"""


def test_two_processes_write_at_once(tmp_path):
    file = tmp_path / "scores.sqlite"
    both = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), name]) for name in "ab"]
    assert [one.wait() for one in both] == [0, 0]
    keys = [f"{name}-{number}".encode() for name in "ab" for number in range(60)]
    assert ScoreCache(file).get(keys) == {key: key.decode().partition("-")[2] for key in keys}


LETTERS = """
import pandas as pd

from psylm.measures import measure


@measure("letters", families={{"causal"}}, meaning="letters of a sentence")
def letters(model, trials, options):
    values = [float(len(one) + {more}) for one in trials["sentence"]]
    about = {{"region": "sentence", "word_id": -1, "word": "", "measure": "letters", "note": ""}}
    return pd.DataFrame({{"trial": trials["trial"], **about, "value": values}})
"""


def test_a_study_s_measure_is_computed_again_when_its_code_has_changed(make, tmp_path):
    (tmp_path / "measures").mkdir()
    file = tmp_path / "measures" / "letters.py"
    trials = sentence_trials(["A cook."])
    use_study(tmp_path)
    try:
        for more in (0, 1):
            file.write_text(LETTERS.format(more=more) + "\n" * more)
            letters = MEASURES["letters"]
            scored = make().score(letters, letters.options(), trials)
            assert scored["value"].tolist() == [7.0 + more]
        before = ScoreCache().size()[0]
        make().score(MEASURES["letters"], letters.options(), trials)
        assert ScoreCache().size()[0] == before
    finally:
        use_study(None)
