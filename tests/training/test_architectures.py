"""Architectures by name: what is not known is an error, and a study brings its own in one file."""

from __future__ import annotations

import pytest

import psylm
from psylm.common.errors import InputError, PsylmError
from psylm.common.registry import use_study
from psylm.common.study import Study
from psylm.scratch.architectures import ARCHITECTURES, Architecture, architecture, make_model
from psylm.scratch.layers import Shape

BAG = '''
import torch
from torch import nn

from psylm.scratch.architectures import Architecture, architecture
from psylm.scratch.objectives import cross_entropy


@architecture("bag")
class Bag(Architecture):
    """Predicts a token from the mean of the embeddings before it."""

    family = "recurrent"
    objective = "causal"

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)

    def states(self, ids, mask=None, at=None):
        x = self.embedding(ids)
        return x.cumsum(1) / torch.arange(1, ids.shape[1] + 1, device=ids.device)[:, None]

    def logits(self, states):
        return states @ self.embedding.weight.T

    def loss(self, batch):
        return cross_entropy(self.logits(self.states(batch.ids[:, :-1])), batch.ids[:, 1:])
'''

RECIPE = """
name: small
corpus: {{grammar: 200}}
tokenizer: {{kind: word, size: 64}}
models:
  one: {{architecture: {name}, width: 8, layers: 1, heads: 1{more}}}
context: 16
steps: 3
batch: 256
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    for folder in ("architectures", "experiments/training"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    use_study(tmp_path)
    yield tmp_path
    use_study(None)


def test_an_architecture_of_a_study_is_trained_and_takes_part(study):
    (study / "architectures" / "bag.py").write_text(BAG)
    (study / "recipe.yaml").write_text(RECIPE.format(name="bag", more=""))
    (folder,) = psylm.train("recipe.yaml", study=Study(study))
    model = psylm.load_model(f"scratch:{folder}")
    assert (model.info.architecture, model.family) == ("Bag", "recurrent")


def test_an_unknown_architecture_is_named_with_its_line(study):
    (study / "recipe.yaml").write_text(RECIPE.format(name="gtp", more=""))
    with pytest.raises(
        InputError, match=r"recipe\.yaml, line 6, key models\.one\.architecture: found 'gtp'.*did you mean gpt\?"
    ):
        psylm.train("recipe.yaml", study=Study(study))
    with pytest.raises(InputError, match="did you mean gpt"):
        make_model("gtp", Shape(10))


def test_an_architecture_says_which_batches_it_is_trained_on():
    with pytest.raises(PsylmError, match=r"'odd': found the objective 'backwards'; expected a class with a family"):

        @architecture("odd")
        class Odd(Architecture):
            family = "causal"
            objective = "backwards"

    assert "odd" not in ARCHITECTURES


def test_a_model_begins_with_one_of_its_own_kind(study, causal_folder):
    (study / "recipe.yaml").write_text(RECIPE.format(name="bert", more=f", start: 'file:{causal_folder}'"))
    with pytest.raises(PsylmError, match="found a gpt2 model; expected a bert model, which bert can begin with"):
        psylm.train("recipe.yaml", study=Study(study), overrides=[f"tokenizer={{of: 'file:{causal_folder}'}}"])
