"""From a recipe to trained models in a folder: tokenizer, corpus, and one training a model and seed."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import nn

from psylm.common.errors import PsylmError
from psylm.common.progress import Listener, Silent
from psylm.common.registry import study_in_use
from psylm.common.study import Study
from psylm.common.version import __version__
from psylm.figures.learning import draw_losses
from psylm.models.load import choose_device
from psylm.models.memory import keep_freed_memory
from psylm.models.names import ModelSource
from psylm.runs.run import held, write_json
from psylm.scratch.architectures import ARCHITECTURES, make_model
from psylm.scratch.masking import SELECTED
from psylm.scratch.transfer import load_transformers, shorten
from psylm.training.agreement_grammar import sentences
from psylm.training.batches import Batches, CausalBatches, MaskedBatches, PairBatches, PermutedBatches
from psylm.training.corpus import Corpus, read_documents, stream_dataset, write_corpus
from psylm.training.loop import Trainer
from psylm.training.parallel import Processes, processes
from psylm.training.recipe import CorpusChoice, ModelChoice, Training, read_training
from psylm.training.vocabulary import load_fast_tokenizer, train_tokenizer

VALIDATION_SENTENCES = 1_000
"""Sentences of the grammar that are kept for validation."""


def train(
    config: str | Path,
    *,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    study: Study | None = None,
    listener: Listener | None = None,
) -> list[Path]:
    """Train the models of a recipe, or go on with a training that was stopped.

    Parameters
    ----------
    config
        Name of a training in `experiments/training/`, or the path of its YAML file.
    output
        The folder; `trained/NAME` by default.
    overrides
        `key=value` settings of the config, as `--set` takes them.
    study
        The study; by default the one in use (`psylm.use_study`).
    listener
        Is notified of each step.

    Returns
    -------
    list of Path
        The folder of each model and seed: `scratch:FOLDER` is a model in any experiment.

    Raises
    ------
    PsylmError
        Anything the user can mend, before a model is made wherever that can be known.
    """
    study = study or study_in_use()
    recipe = read_training(study.training(str(config)), overrides, study.root or Path.cwd())
    folder = Path(output) if output else Path("trained") / recipe.name
    with processes() as group, held(folder) if group.first else nullcontext():
        return train_recipe(recipe, folder, study.root or Path.cwd(), listener or Silent(), group)


def train_recipe(
    recipe: Training, folder: Path, root: Path, listener: Listener, group: Processes | None = None
) -> list[Path]:
    """Train the models of a recipe that was read; see `train`.

    Parameters
    ----------
    recipe
        The recipe.
    folder
        Where tokenizer, corpus and models are kept.
    root
        The study's folder, which the corpus's files are relative to.
    listener
        Is notified of each step.
    group
        The processes that train together.
    """
    keep_freed_memory(True)
    group = group or Processes()
    listener = listener if group.first else Silent()
    if group.first:
        _claim(folder, recipe)
        _prepare(recipe, folder, root)
    group.wait()
    tokenizer, corpora = _prepare(recipe, folder, root)
    done = []
    for name, choice in recipe.models.items():
        for seed in recipe.seeds:
            place = folder / (f"{name}-seed{seed}" if len(recipe.seeds) > 1 else name)
            _train_one(name, recipe, choice, seed, place, tokenizer, corpora, listener, group)
            done.append(place)
    if group.first:
        draw_losses(folder)
    group.wait()
    return done


def _train_one(
    name: str,
    recipe: Training,
    choice: ModelChoice,
    seed: int,
    folder: Path,
    tokenizer: Any,
    corpora: dict[str, Corpus],
    listener: Listener,
    group: Processes,
) -> None:
    torch.manual_seed(seed)
    model = _make(recipe, choice, len(tokenizer)).to(group.device or choose_device(recipe.device))
    train = _batches(choice, corpora["train"], tokenizer, recipe.context, seed)
    usual = choice.model_copy(update={"masked": SELECTED})  # so that validation losses are comparable
    validation = _batches(usual, corpora["validation"], tokenizer, recipe.context, 0)
    facts = {
        "architecture": choice.architecture,
        "seed": seed,
        "recipe": recipe.name,
        "model": name,
    }
    if group.first and not (folder / "tokenizer").is_dir():
        tokenizer.save_pretrained(folder / "tokenizer")
    Trainer(recipe, model, train, validation, folder, facts, seed, group).run(listener)


def _make(recipe: Training, choice: ModelChoice, vocabulary: int) -> nn.Module:
    if choice.start is None:
        model = make_model(choice.architecture, choice.shape(vocabulary, recipe.context))
    else:
        model = load_transformers(ModelSource.parse(choice.start).folder, heads=False, dropout=choice.dropout)
        wanted = ARCHITECTURES[choice.architecture].starts_from
        if model.starts_from != wanted:
            raise PsylmError(
                f"start {choice.start}: found a {model.starts_from} model; expected a {wanted} model, which "
                f"{choice.architecture} can begin with"
            )
        if model.shape.vocabulary != vocabulary or model.shape.context < recipe.context:
            raise PsylmError(
                f"start {choice.start}: found {model.shape.vocabulary} tokens and a context of {model.shape.context}; "
                f"expected the tokenizer's {vocabulary} (tokenizer.of) and {recipe.context} or more"
            )
        shorten(model, recipe.context)
    return model


def _batches(choice: ModelChoice, corpus: Corpus, tokenizer: Any, context: int, seed: int) -> Batches:
    made = ARCHITECTURES[choice.architecture]
    if made.objective != "masked":
        kinds: dict[str, type[Batches]] = {"causal": CausalBatches, "permuted": PermutedBatches}
        return kinds[made.objective](corpus, tokenizer, context, seed)
    kind = PairBatches if choice.pairs else MaskedBatches
    options: dict[str, Any] = {"whole_words": choice.whole_words, "share": choice.masked}
    return kind(corpus, tokenizer, context, seed, dynamic=made.masks_anew, **options)


def _prepare(recipe: Training, folder: Path, root: Path) -> tuple[Any, dict[str, Corpus]]:
    """Return tokenizer and tokenized corpora; made by the first call, found by later ones."""
    place = folder / "tokenizer"
    if not place.is_dir():
        choice = recipe.tokenizer
        if choice.of is not None:
            tokenizer = load_fast_tokenizer(ModelSource.parse(choice.of).folder)
        else:
            texts = documents(recipe.corpus, "train", root)
            tokenizer = train_tokenizer(texts, choice.kind, choice.size, lowercase=choice.lowercase)
        tokenizer.save_pretrained(place)
    tokenizer = load_fast_tokenizer(place)
    corpora = {}
    for part in ("train", "validation"):
        stream = recipe.corpus.dataset if part == "train" else recipe.corpus.validation_dataset
        limit = None if stream is None else stream.tokens
        corpora[part] = write_corpus(documents(recipe.corpus, part, root), tokenizer, folder / "corpus" / part, limit)
    return tokenizer, corpora


def documents(corpus: CorpusChoice, part: str, root: Path) -> Iterator[str]:
    """Yield the documents of a corpus's part, `train` or `validation`."""
    if corpus.grammar is not None:
        count = corpus.grammar if part == "train" else VALIDATION_SENTENCES
        return sentences(count, seed=1 if part == "train" else 2)
    stream = corpus.dataset if part == "train" else corpus.validation_dataset
    if stream is not None:
        return stream_dataset(stream.name, stream.model_dump()["options"], corpus.column)
    files = corpus.train if part == "train" else corpus.validation
    return read_documents([root / name for name in files], corpus.column)


def _claim(folder: Path, recipe: Training) -> None:
    """Write the manifest, or raise where the folder holds another training."""
    content = recipe.model_dump(mode="json")
    file = folder / "manifest.json"
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))["training"]
        # What a training of an earlier psylm does not state is as it was then: the default.
        different = [key for key in content if before.get(key, Training.model_fields[key].default) != content[key]]
        if different:
            raise PsylmError(
                f"output {folder}: holds a training that differs in {', '.join(different)}; give another --output"
            )
        return
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    write_json(file, {"psylm": __version__, "torch": torch.__version__, "training": content, "started": now})
