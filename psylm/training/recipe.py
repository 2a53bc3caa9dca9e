"""A training as its YAML file defines it: corpus, tokenizer, models, and how they are trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from psylm.common.errors import InputError, Problem, one_of
from psylm.common.yaml_document import GIVEN, Name, checked, override, place, read_yaml
from psylm.models.names import ModelSource
from psylm.scratch.architectures import ARCHITECTURES, Architecture
from psylm.scratch.layers import Activation, PositionKind, Shape
from psylm.scratch.masking import SELECTED
from psylm.training.schedule import Optimiser, Schedule
from psylm.training.vocabulary import Kind

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class TokenizerChoice(BaseModel, extra="forbid"):
    """A tokenizer to train, or the model whose tokenizer is used.

    Parameters
    ----------
    kind, size, lowercase
        As in `train_tokenizer`.
    of
        A model's name, in place of the others.
    """

    kind: Kind = "bpe"
    size: Annotated[int, Field(ge=16)] = 8000
    lowercase: bool = False
    of: str | None = None


class DatasetChoice(BaseModel, extra="forbid"):
    """A data set of the `datasets` library, streamed.

    Parameters
    ----------
    name
        Its name on the hub, or a format such as `parquet`.
    options
        For `datasets.load_dataset`: `name`, `split`, `data_files`, `revision`.
    tokens
        Stop after so many.
    """

    name: str
    options: dict[Literal["name", "split", "data_files", "revision"], Any] = {}
    tokens: Positive | None = None


class CorpusChoice(BaseModel, extra="forbid"):
    """Where the text comes from.

    Parameters
    ----------
    train, validation
        Text files (an empty line between documents) or Parquet files (a row a document), relative to the study.
    dataset, validation_dataset
        Streamed data sets, in place of files.
    grammar
        A number of sentences of psylm's agreement grammar, in place of files; those for validation come on top.
    column
        The column of Parquet files and data sets that holds the text.
    """

    train: list[str] = []
    validation: list[str] = []
    dataset: DatasetChoice | None = None
    validation_dataset: DatasetChoice | None = None
    grammar: Annotated[int, Field(ge=100)] | None = None
    column: str = "text"

    @model_validator(mode="after")
    def _one_source(self) -> CorpusChoice:
        if sum(map(bool, (self.train, self.dataset, self.grammar))) != 1:
            raise ValueError("one of train (files), dataset or grammar")
        if not self.grammar and bool(self.validation) == bool(self.validation_dataset):
            raise ValueError("text for validation: one of validation (files) or validation_dataset")
        return self


class ModelChoice(BaseModel, extra="forbid"):
    """A model to train.

    Parameters
    ----------
    architecture
        A name in `psylm.scratch.architectures.ARCHITECTURES`: `gpt`, `bert`, `roberta`, `xlnet`, `lstm`, `elmo`, or one
        of the study's own.
    layers, width, heads, inner, positions, activation, dropout
        As in `Shape`; activation by default as in the architecture's paper.
    whole_words, masked
        Mask whole words, and the share of words or tokens that is masked while training (bert, roberta).
    next_sentence
        Train on pairs of segments too; by default what the architecture does.
    start
        A model whose weights to begin with (a BERT for bert and roberta, a GPT-2 for gpt); the shape is then its own,
        but for dropout and for positions beyond the context, which are cut off.
    """

    architecture: str
    layers: Positive = 4
    width: Positive = 256
    heads: Positive = 4
    inner: Annotated[int, Field(ge=0)] = 0
    positions: PositionKind = "learned"
    activation: Activation | None = None
    dropout: Share = 0.1
    whole_words: bool = False
    masked: Annotated[float, Field(gt=0, lt=1)] = SELECTED
    next_sentence: bool | None = None
    start: str | None = None

    @field_validator("architecture")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in ARCHITECTURES:
            raise ValueError(one_of(name, list(ARCHITECTURES)))
        return name

    @model_validator(mode="after")
    def _consistent(self) -> ModelChoice:
        if self.width % self.heads:
            raise ValueError(f"a width that is a multiple of heads; {self.width} is none of {self.heads}")
        made = ARCHITECTURES[self.architecture]
        if (self.whole_words or self.masked != SELECTED) and made.objective != "masked":
            raise ValueError(f"whole_words and masked with {_those(lambda one: one.objective == 'masked')} only")
        if self.next_sentence and not made.next_sentence:
            raise ValueError(f"next_sentence with {_those(lambda one: one.next_sentence)} only")
        if self.start and not made.starts_from:
            raise ValueError(f"start with {_those(lambda one: bool(one.starts_from))} only")
        if self.positions not in made.position_kinds:
            raise ValueError(f"positions {' or '.join(made.position_kinds)} with {self.architecture}")
        return self

    @property
    def pairs(self) -> bool:
        """Whether rows are pairs of segments."""
        return ARCHITECTURES[self.architecture].next_sentence if self.next_sentence is None else self.next_sentence

    def shape(self, vocabulary: int, context: int) -> Shape:
        """Return the model's shape for a vocabulary and a context."""
        chosen = self.model_dump(include={"layers", "width", "heads", "inner", "positions", "dropout"})
        if self.activation:
            chosen["activation"] = self.activation
        return Shape(vocabulary, context=context, **{**ARCHITECTURES[self.architecture].defaults, **chosen})


def _those(fits: Callable[[type[Architecture]], bool]) -> str:
    """Name the architectures of which something is true."""
    return " or ".join(name for name, one in ARCHITECTURES.items() if fits(one))


class Training(BaseModel, extra="forbid"):
    """A training, as its YAML file defines it.

    Parameters
    ----------
    name
        Names the folder.
    title, description
        For readers.
    corpus, tokenizer
        The text, and how it is divided into tokens.
    models
        The models to train, each by a name of its own.
    seeds
        Every model is trained once with each: simulated participants.
    context
        Tokens that are read at a time.
    batch, accumulate
        Rows of a pass, and passes of an optimiser step: a step sees batch × accumulate rows of each process.
    steps
        Optimiser steps.
    learning_rate, schedule, warmup
        The highest rate; `cosine` (to zero), `inverse_sqrt` or `constant` after a linear rise over `warmup` steps.
    optimiser
        `adamw`, or `muon` for the matrices of the layers and AdamW for the rest.
    weight_decay, clip
        The optimiser's decay (of matrices only), and the norm that gradients are clipped to.
    precision
        `float32`, or `bfloat16` for products (weights stay in float32).
    compile
        Use `torch.compile`.
    checkpoints
        Models that are kept, at steps spaced evenly on a logarithmic scale; the last is the trained model.
    save_every, validate_every
        Steps between saves of all that going on needs, and between measurements of the validation loss.
    """

    name: Name
    title: str = ""
    description: str = ""
    corpus: CorpusChoice
    tokenizer: TokenizerChoice = TokenizerChoice()
    models: Annotated[dict[Name, ModelChoice], Field(min_length=1)]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1)] = [1]
    context: Annotated[int, Field(ge=8)] = 128
    batch: Positive = 32
    accumulate: Positive = 1
    steps: Positive
    learning_rate: Annotated[float, Field(gt=0)] = 5e-4
    schedule: Schedule = "cosine"
    warmup: Positive = 100
    optimiser: Optimiser = "adamw"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    checkpoints: Positive = 1
    save_every: Positive = 200
    validate_every: Positive = 200


def read_training(path: Path, overrides: Sequence[str], root: Path) -> Training:
    """Read a training from its YAML file, and check what can be checked before anything is read or trained.

    Parameters
    ----------
    path
        The file.
    overrides
        `key=value` settings.
    root
        The study's folder, which files of the corpus are relative to and must lie in, unless a setting on the
        command line names them.

    Raises
    ------
    InputError
        Every key that does not fit, with its line.
    """
    document = read_yaml(path)
    for assignment in overrides:
        override(document, assignment)
    training = checked(Training, document, path)
    problems = []
    for key in ("train", "validation"):
        given = any(("corpus", key)[: len(location)] == location for location in getattr(document, GIVEN, ()))
        for number, name in enumerate(getattr(training.corpus, key)):
            file = (root / name).resolve()
            where = place(document, path, ("corpus", key, number))
            if not given and not file.is_relative_to(root.resolve()):
                problems.append(Problem(where, name, f"a file inside {root}, or --set corpus.{key}=[…]"))
            elif not file.is_file():
                problems.append(Problem(where, f"no file {file}", "a text or Parquet file"))
    named: dict[tuple[str, ...], str | None] = {("tokenizer", "of"): training.tokenizer.of}
    named |= {("models", name, "start"): model.start for name, model in training.models.items()}
    for location, model_name in named.items():
        try:
            if model_name:
                ModelSource.parse(model_name)
        except InputError as error:
            found = error.problems[0]
            problems.append(Problem(place(document, path, location), found.found, found.expected))
    if problems:
        raise InputError(*problems)
    return training
