"""The command line: each command is one call of the Python interface, with its progress and errors shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from psylm.cli.models import app as models_app
from psylm.cli.power import power
from psylm.cli.stimuli import app as stimuli_app
from psylm.common.errors import InputError, PsylmError, write_problems
from psylm.common.version import __version__

STOPPED, MISTAKE = 130, 2

app = typer.Typer(
    name="psylm",
    help="Language models as participants in psycholinguistic experiments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(stimuli_app, name="stimuli")
app.add_typer(models_app, name="models")
app.command()(power)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="the folder of a run")]

Memory = Annotated[str | None, typer.Option(help="most memory to use, weights included: 4GB for example")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="compute everything, and keep no scores for later runs")]


@app.command()
def run(
    config: Annotated[str, typer.Argument(help="an experiment's name, its YAML file, or a run's manifest.json")],
    output: Annotated[Path | None, typer.Option(help="the run folder; runs/NAME by default")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change a setting")] = None,
    models: Annotated[list[str] | None, typer.Option(help="use these models; may be given again")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="dry run on the first N items of each set")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="set an earlier run aside and begin anew")] = False,
    memory: Memory = None,
    no_cache: NoCache = False,
) -> None:
    """Run an experiment, or go on with one that was stopped; ends with statistics, figures and a report."""
    from psylm.common.progress import Bars
    from psylm.common.study import Study
    from psylm.experiment.runner import run as run_experiment

    study = Study.find(Path.cwd())
    chosen = [name for names in models or [] for name in names.split(",")]
    overrides = [*(set_ or []), *([f"memory={memory}"] if memory else [])]
    with Bars(err) as bars:
        finished = run_experiment(
            config,
            output=output,
            overrides=overrides,
            models=chosen or None,
            limit=limit,
            restart=restart,
            cache=not no_cache,
            study=study,
            progress=bars,
        )
    _finish(finished.path)


def _finish(folder: Path) -> None:
    """Analyse, draw and report a run, and name what was written; a module that fails stops none of it."""
    from psylm.common.study import Study
    from psylm.reporting.analyses import AnalysisError, draw, left_out
    from psylm.reporting.analyses import analyze as analyze_run
    from psylm.reporting.page import write_report
    from psylm.runs.run import Run

    load, finished = Study.find(Path.cwd()).analysis_module, Run(folder)
    out.print(f"results  {folder / 'results.parquet'}")
    faults = []
    calls: dict[str, Callable[[], list[Path]]] = {
        "analysis": lambda: analyze_run(finished, load),
        "figures": lambda: draw(finished, load),
        "report": lambda: [write_report(finished, load)],
    }
    for name, call in calls.items():
        with err.status(name):
            try:
                written = call()
            except AnalysisError as error:
                faults.append(error)
                written = error.written
        _name(written)
    if faults:
        raise PsylmError("\n".join(map(str, faults)))
    for note in left_out(finished):
        err.print(note, markup=False)


def _name(written: list[Path]) -> None:
    """Name files that were written."""
    shown = {".csv": "table", ".tex": "LaTeX", ".png": "figure", ".html": "report"}
    for path in written:
        if path.suffix in shown:
            out.print(f"{shown[path.suffix]:8} {path}", markup=False)


@app.command()
def analyze(folder: RunFolder) -> None:
    """Compute a run's statistics again, without the model."""
    from psylm.common.study import Study
    from psylm.reporting.analyses import AnalysisError, left_out
    from psylm.reporting.analyses import analyze as analyze_run
    from psylm.runs.run import Run

    try:
        written = analyze_run(Run(folder), Study.find(Path.cwd()).analysis_module)
    except AnalysisError as error:
        _name(error.written)
        raise
    _name(written)
    for note in left_out(Run(folder)):
        err.print(note, markup=False)


@app.command()
def figures(
    folder: RunFolder,
    output: Annotated[Path | None, typer.Option(help="the folder to write to; RUN/figures by default")] = None,
    width: Annotated[str | None, typer.Option(help="of every figure: single, double (column), or millimetres")] = None,
    greyscale: Annotated[bool, typer.Option("--greyscale", help="for a print without colour")] = False,
    language: Annotated[str, typer.Option(help="of axes and legends: en or ja")] = "en",
    formats: Annotated[str, typer.Option(help="some of pdf, svg and png")] = "pdf,svg,png",
) -> None:
    """Draw a run's figures again, as PDF, SVG and PNG."""
    from psylm.common.study import Study
    from psylm.figures.style import width_of
    from psylm.reporting.analyses import draw
    from psylm.runs.run import Run

    drawn = draw(
        Run(folder), Study.find(Path.cwd()).analysis_module, folder=output, formats=formats.split(","),
        width=None if width is None else width_of(width), greyscale=greyscale, language=language,
    )  # fmt: skip
    for path in drawn:
        out.print(f"figure   {path}")


@app.command()
def report(folder: RunFolder) -> None:
    """Write a run's report again: one self-contained HTML page."""
    from psylm.common.study import Study
    from psylm.reporting.page import write_report
    from psylm.runs.run import Run

    out.print(f"report   {write_report(Run(folder), Study.find(Path.cwd()).analysis_module)}")


@app.command()
def score(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL] [SENTENCE]...", help="as --model; texts")
    ] = None,
    model: Annotated[str | None, typer.Option(help="the model")] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", help="text, one sentence a line, or CSV or TSV with a column `sentence`")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="the CSV, TSV or Parquet file to write; else printed")] = None,
    measure: Annotated[str, typer.Option(help="the measure: `psylm models` lists them")] = "surprisal",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "--set", metavar="KEY=VALUE", help="an option of the measure; may be given again"),
    ] = None,
    language: Annotated[str | None, typer.Option(help="of the sentences; by default that of their script")] = None,
    device: Annotated[str, typer.Option()] = "auto",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16, float16 or int8")] = "float32",
    memory: Memory = None,
    start: Annotated[str, typer.Option(help="what stands before a text: auto, document, bos, none or a text")] = "auto",
    no_cache: NoCache = False,
) -> None:
    """Score sentences: those of a file, or those that follow the model's name.

    For example: psylm score embedded:smollm2-135m "The keys to the cabinet are rusty."
    """
    from psylm.cli.scores_table import show_scores
    from psylm.common.errors import InputError, Problem
    from psylm.common.yaml_document import assignments
    from psylm.experiment.adhoc import contract, score_file
    from psylm.experiment.adhoc import score as score_sentences

    texts = list(words or [])
    name = model or (texts.pop(0) if texts else None)
    if name is None or (input_ is None) == (not texts):
        found = "sentences beside a file" if texts else "no model" if name is None else "no sentences"
        raise InputError(Problem("psylm score", found, "MODEL SENTENCE…, or --model MODEL --input FILE"))
    if output is not None and input_ is None:
        raise InputError(Problem("psylm score", "--output with sentences on the command line", "--input FILE"))
    chosen = assignments(option or [])
    loading: dict[str, Any] = {
        "device": device, "dtype": dtype, "memory": memory, "start": start, "cache": not no_cache
    }  # fmt: skip
    with err.status("scoring"):
        if input_ is not None:
            table = score_file(name, measure, input_, output, language=language, options=chosen, **loading)
        else:
            table = score_sentences(name, texts, measure, language=language, **loading, **chosen)
    if output is not None:
        out.print(f"{len(table)} scores in {output}")
    elif out.is_terminal:
        show_scores(out, table)
    else:
        typer.echo(contract(table).to_csv(index=False, sep="\t"), nl=False)


@app.command()
def train(
    config: Annotated[str, typer.Argument(help="a training's name, or its YAML file")],
    output: Annotated[Path | None, typer.Option(help="the folder; trained/NAME by default")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change a setting")] = None,
) -> None:
    """Train models, or go on with a training that was stopped; `torchrun -m psylm train` shares the work."""
    from psylm.common.progress import Bars
    from psylm.training.train import train as train_models

    with Bars(err) as bars:
        folders = train_models(config, output=output, overrides=set_ or [], listener=bars)
    for folder in folders:
        out.print(f"model    scratch:{folder}")
    out.print(f"figure   {folders[0].parent / 'figures' / 'losses.png'}")


@app.command()
def finetune(
    config: Annotated[str, typer.Argument(help="a fine-tuning's name, or its YAML file")],
    output: Annotated[Path | None, typer.Option(help="the folder; trained/NAME by default")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change a setting")] = None,
) -> None:
    """Fine-tune a sentence encoder on pairs, or go on with it; say what it changes on held-out pairs."""
    from psylm.training.finetune import finetune as finetune_encoder

    folder, table = finetune_encoder(config, output=output, overrides=set_ or [])
    for row in table.to_dict("records"):
        out.print(
            f"{row['when']:8} {row['stimuli']}: Spearman {row['estimate']:.3f} [{row['low']:.3f}, {row['high']:.3f}], "
            f"{row['n']} held-out pairs"
        )
    out.print(f"model    file:{folder}")


@app.command("cache")
def cache_(clear: Annotated[bool, typer.Option("--clear", help="remove all of them")] = False) -> None:
    """Show how many scores of earlier runs are kept, and where."""
    from psylm.runs.score_cache import ScoreCache

    cache = ScoreCache()
    if clear:
        cache.clear()
    count, size = cache.size()
    out.print(f"{count} scores, {size / 2**20:.1f} MiB, in {cache.path}")


@app.command()
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="the folder to make")]) -> None:
    """Make a study: experiments, stimuli and analysis folders, with a worked example."""
    from psylm.common.template import make_study

    make_study(folder)
    out.print(f"{folder} is ready; its README says how to go on:\n  cd {folder}\n  psylm run example")


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"psylm {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="and end")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; a mistake of the user ends with its message and status 2."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        app()
    except PsylmError as error:
        err.print(str(error), style="red", markup=False)
        if isinstance(error, InputError) and (error.file or error.abridged):
            err.print(f"every row with a problem: {error.file or write_problems(error.problems)}", markup=False)
        sys.exit(MISTAKE)
    except KeyboardInterrupt:
        err.print("stopped; what was computed is kept, and the same command goes on from there")
        sys.exit(STOPPED)
