"""Siamese fine-tuning of sentence encoders (sentence-BERT) on pairs of a stimulus set, and what it changes."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from psylm.common.errors import InputError, Problem, PsylmError
from psylm.common.registry import study_in_use
from psylm.common.study import Study
from psylm.common.yaml_document import Name, Names, checked, override, read_yaml
from psylm.measures.similarity import compare
from psylm.models.embedding import embed
from psylm.models.load import choose_device, load_model
from psylm.models.names import ModelSource
from psylm.models.sentence_transformer import read_recipe
from psylm.runs.run import held, write_json, write_table
from psylm.stats.inference.correlation import correlation
from psylm.stimuli import StimulusSet, load_stimuli

RATING = "similarity"
"""What a card calls people's ratings of similarity."""

NEEDS = 'fine-tuning needs sentence-transformers and accelerate: `pip install "psylm[finetuning]" accelerate`'

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]


class Finetuning(BaseModel, extra="forbid"):
    """A fine-tuning, as its YAML file defines it.

    Parameters
    ----------
    name
        Names the folder.
    title, description
        For readers.
    model
        The model to begin with: an encoder, or a masked model without its output layer.
    stimuli
        Sets of pairs (context and sentence) with ratings of similarity, or with a factor `meaning: [same, different]`.
    held_out
        Share of the items that are not trained on.
    epochs, batch, learning_rate, warmup
        How often each pair is seen, pairs in a step, the highest rate, and the share of steps over which it rises to
        that, before it falls to 0.
    seed
        Of the division of items, of the order of pairs and of dropout.
    """

    name: Name
    title: str = ""
    description: str = ""
    model: str
    stimuli: Names
    held_out: Share = 0.2
    epochs: Positive = 1
    batch: Positive = 16
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


def finetune(
    config: str | Path, *, output: str | Path | None = None, overrides: Sequence[str] = (), study: Study | None = None
) -> tuple[Path, pd.DataFrame]:
    """Fine-tune an encoder on pairs, or go on where it was stopped, and compare it with what it was on held-out pairs.

    Both texts of a pair go through the same encoder; the cosine of their vectors is to equal the pair's similarity,
    scaled to 0 to 1 (mean squared error). The training is that of `sentence-transformers`.

    Parameters
    ----------
    config
        Name of a fine-tuning (`experiments/finetuning/`), or its YAML file.
    output
        The folder; `trained/NAME` by default.
    overrides
        `key=value` settings, as `--set` takes them.
    study
        The study; by default the one in use (`psylm.use_study`).

    Returns
    -------
    Path, DataFrame
        The model's folder (`file:FOLDER` is the model), and Spearman's correlation of the cosine with the similarity of
        held-out pairs, before and after, by set.

    Raises
    ------
    PsylmError
        Anything the user can mend; raised before a model is loaded wherever that can be known.

    References
    ----------
    Reimers & Gurevych (2019), Sentence-BERT: Sentence embeddings using Siamese BERT-networks, EMNLP.
    """
    study = study or study_in_use()
    path = study.finetuning(str(config))
    document = read_yaml(path)
    for assignment in overrides:
        override(document, assignment)
    plan = checked(Finetuning, document, path)
    source = ModelSource.parse(plan.model)
    if source.traits.predicts and not source.traits.masks:
        raise InputError(Problem(f"{path}, key model", source.traits.described, "an encoder or a masked model"))
    pairs = divided(pd.concat([pairs_of(load_stimuli(name, study)) for name in plan.stimuli]), plan)
    folder = Path(output) if output else Path("trained") / plan.name
    with held(folder):
        _same_plan(folder, plan, source)
        if not (folder / "model" / "modules.json").is_file():
            _train(pairs[~pairs["held_out"]], plan, source, folder)
        table = _agreement(pairs[pairs["held_out"]], plan, folder / "model")
        write_table(folder / "agreement.csv", table)
    return folder / "model", table


def pairs_of(stimuli: StimulusSet) -> pd.DataFrame:
    """Return a set's pairs: `stimuli, item, first, second, similarity`, the last from 0 to 1.

    Raises
    ------
    InputError
        The set has no pairs, or nothing that says how similar they are.
    """
    items, card = stimuli.items, stimuli.card
    place = f"stimulus set {stimuli.name!r}"
    if (items["context"] == "").any():
        raise InputError(Problem(place, "items without a context", "pairs of texts, context and sentence"))
    if stimuli.human is not None and RATING in card.human:
        ratings = stimuli.human[stimuli.human["measure"] == RATING]
        keys = ["item", "condition"] if card.factors else ["item"]
        value = items.merge(ratings, on=keys, how="left")["value"].to_numpy()
        similarity = (value - np.nanmin(value)) / np.ptp(value[~np.isnan(value)])
    elif card.factors.get("meaning") == ["same", "different"]:
        similarity = (items["meaning"] == "same").to_numpy(dtype=float)
    else:
        expected = f"human ratings {RATING}, or the factor meaning: [same, different]"
        raise InputError(Problem(place, "neither", expected))
    pairs = pd.DataFrame(
        {"item": items["item"], "first": items["context"], "second": items["sentence"], "similarity": similarity}
    )
    return pairs.assign(stimuli=stimuli.name).dropna(subset="similarity")


def divided(pairs: pd.DataFrame, plan: Finetuning) -> pd.DataFrame:
    """Mark the pairs of a random share of the items of each set as `held_out`; all pairs of an item go together."""
    rng = np.random.default_rng(plan.seed)
    parts = []
    for _, mine in pairs.groupby("stimuli", sort=False):
        names = mine["item"].unique()
        chosen = rng.permutation(names)[: max(round(plan.held_out * len(names)), 1)]
        parts.append(mine.assign(held_out=mine["item"].isin(chosen)))
    return pd.concat(parts, ignore_index=True)


def _same_plan(folder: Path, plan: Finetuning, source: ModelSource) -> None:
    """Keep what is trained beside it, and raise where the folder holds another training."""
    known = plan.model_dump(exclude={"title", "description"}) | {"sha256": source.sha256}
    file = folder / "finetuning.json"
    if file.is_file():
        earlier = read_yaml(file)
        differing = [key for key, value in known.items() if earlier.get(key) != value]
        if differing:
            raise PsylmError(
                f"{folder}: holds a model trained with another {', '.join(differing)}; name another --output"
            )
        return
    write_json(file, known)


def _train(pairs: pd.DataFrame, plan: Finetuning, source: ModelSource, folder: Path) -> None:
    try:
        from datasets import Dataset
        from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
        from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
        from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss
        from transformers import set_seed
    except ImportError:
        raise PsylmError(NEEDS) from None
    if importlib.util.find_spec("accelerate") is None:
        raise PsylmError(NEEDS)
    read_recipe(source.folder)  # refuses a folder that names modules of its own, which would be imported
    device = choose_device(plan.device)
    set_seed(plan.seed)  # BERT's own pooler, which some folders lack, is drawn at random, and not used
    model = SentenceTransformer(
        str(source.folder), device=device, local_files_only=True, trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )  # fmt: skip
    data = Dataset.from_dict(
        {
            "sentence1": pairs["first"].tolist(),
            "sentence2": pairs["second"].tolist(),
            "score": pairs["similarity"].astype(float).tolist(),
        }
    )
    steps = -(-len(pairs) // plan.batch) * plan.epochs
    arguments = Arguments(
        output_dir=str(folder / "checkpoints"), num_train_epochs=plan.epochs, per_device_train_batch_size=plan.batch,
        learning_rate=plan.learning_rate, warmup_steps=round(plan.warmup * steps), seed=plan.seed, data_seed=plan.seed,
        use_cpu=device == "cpu", save_strategy="steps", save_steps=max(steps // 4, 1), save_total_limit=1,
        report_to="none", logging_strategy="no",
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=data, loss=CosineSimilarityLoss(model)
    )
    trainer.train(resume_from_checkpoint=any((folder / "checkpoints").glob("checkpoint-*")))
    model.save_pretrained(str(folder / "unfinished"), create_model_card=False, safe_serialization=True)
    (folder / "unfinished").replace(folder / "model")
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _agreement(pairs: pd.DataFrame, plan: Finetuning, folder: Path) -> pd.DataFrame:
    """Correlate the cosine with the similarity of pairs, before and after."""
    rows: list[dict[str, Any]] = []
    for when, name in (("before", plan.model), ("after", f"file:{folder}")):
        model = load_model(name, device=plan.device)
        first, second = (embed(model, pairs[column].tolist())[-1] for column in ("first", "second"))
        cosine = compare(first, second, "cosine")
        for stimuli, mine in pairs.groupby("stimuli", sort=False):
            found = correlation(
                cosine[pairs["stimuli"] == stimuli], mine["similarity"], kind="spearman", seed=plan.seed, permutations=0
            )
            values = {key: value for key, value in asdict(found).items() if key not in ("p_permutation", "note")}
            rows.append({"when": when, "stimuli": stimuli, "coefficient": "spearman"} | values)
    return pd.DataFrame(rows).rename(columns={"r": "estimate"})
