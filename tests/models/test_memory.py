"""Memory: what runs out is tried again in halves, a ceiling holds, and a long text needs no more than a short one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from psylm.common.errors import InputError, PsylmError
from psylm.common.sizes import bytes_of
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
from psylm.models.memory import allowance
from tests.conftest import TEXT

pytestmark = pytest.mark.slow


def score(model, trials):
    asked = MEASURES["sentence_surprisal"]
    return asked.function(model, trials, asked.options())["value"].tolist()


def test_a_batch_that_does_not_fit_is_halved_until_it_does(causal_folder, monkeypatch):
    model = load_model(f"file:{causal_folder}", device="cpu")
    expected = score(model, sentence_trials(TEXT))
    model.remembered.clear()
    most, run = 60, model._hidden
    sizes = []

    def small(rows):
        size = len(rows) * max(len(row) for row in rows)
        sizes.append(size)
        if size > most:
            raise torch.OutOfMemoryError("out of memory")
        return run(rows)

    monkeypatch.setattr(model, "_hidden", small)
    assert score(model, sentence_trials(TEXT)) == pytest.approx(expected, abs=1e-4)
    assert max(sizes) > most, "nothing had to be halved"


def test_a_text_that_fits_in_no_memory_is_told(causal_folder, monkeypatch):
    model = load_model(f"file:{causal_folder}", device="cpu")
    score(model, sentence_trials(TEXT[1:2]))

    def never(_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(model, "_hidden", never)
    with pytest.raises(PsylmError, match="more than the memory holds"):
        score(model, sentence_trials(TEXT[:1]))


def test_other_errors_are_not_taken_for_a_lack_of_memory(causal_folder, monkeypatch):
    model = load_model(f"file:{causal_folder}", device="cpu")

    def wrong(_):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(model, "_hidden", wrong)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        score(model, sentence_trials(TEXT[:1]))


def test_a_ceiling_that_is_no_size_or_leaves_nothing_is_told(causal_folder):
    with pytest.raises(InputError, match="a size such as 4GB"):
        load_model(f"file:{causal_folder}", memory="much")
    with pytest.raises(PsylmError, match="expected a ceiling above"):
        load_model(f"file:{causal_folder}", memory="10MB")


def test_a_lower_ceiling_allows_less_at_a_time(causal):
    import psutil

    held = psutil.Process().memory_info().rss
    tight = allowance(causal.network, held + bytes_of("100MB"), "cpu")
    assert tight.tokens < allowance(causal.network, None, "cpu").tokens


def test_a_text_that_a_ceiling_has_no_room_for_is_refused_before_it_is_read(causal_folder, monkeypatch):
    model = load_model(f"file:{causal_folder}", device="cpu")
    score(model, sentence_trials(TEXT[1:2]))
    model.allowance = replace(model.allowance, longest=5)
    monkeypatch.setattr(model, "_hidden", lambda _: pytest.fail("the text was read"))
    with pytest.raises(PsylmError, match="expected at most 5 under this memory ceiling"):
        score(model, sentence_trials(TEXT[:1]))


PEAK = """
import sys
from pathlib import Path
import psutil
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models import load_model
model = load_model(sys.argv[1], device="cpu", memory=sys.argv[3] if len(sys.argv) > 3 else None)
loaded = psutil.Process().memory_info().rss
asked = MEASURES["surprisal"]
def score(words):
    text = " ".join("the cook tasted old soup".split()[n % 5] for n in range(words))
    asked.function(model, sentence_trials([text]), asked.options(units=["sentence"]))
def most():
    # Not ru_maxrss, which a process inherits from the one that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
score(300)
before = most()
score(int(sys.argv[2]))
print(loaded, before, most())
"""


def peak(*arguments):
    """Bytes in use once the model is loaded, and at most after a short text and after a long one."""
    ran = subprocess.run([sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True)
    return [int(part) for part in ran.stdout.split()]


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").is_file(), reason="this system does not say how much memory a process had at most"
)


@needs_proc
def test_memory_does_not_grow_with_a_texts_length(causal_folder):
    """What grows is the text itself and its scores: hundreds of bytes a word, not a row of logits or attention."""
    _, before, after = peak(f"file:{causal_folder}", "6000")
    assert after - before < 6000 * 8000


@needs_proc
def test_a_ceiling_holds(causal_folder, tmp_path):
    """A wide output layer: without a ceiling, distributions take hundreds of megabytes; with one, what it allows."""
    import shutil

    from transformers import GPT2Config, GPT2LMHeadModel

    shutil.copytree(causal_folder, tmp_path / "wide")
    config = GPT2Config(vocab_size=60_000, n_positions=128, n_embd=32, n_layer=1, n_head=2, bos_token_id=0)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "wide")
    loaded, _, free = peak(f"file:{tmp_path / 'wide'}", "2000")
    ceiling = loaded + 2**20 * 200
    assert free > ceiling, "the test is about a ceiling that is lower than what is used without it"
    _, _, used = peak(f"file:{tmp_path / 'wide'}", "2000", f"{ceiling // 2**10}kB")
    assert used <= ceiling
