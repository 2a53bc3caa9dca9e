"""`psylm run`, and what is made of a run anew: `analyze`, `figures` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psylm.cli.console import err, out

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="the folder of a run")]


def run(
    config: Annotated[str, typer.Argument(help="an experiment's name, its YAML file, or a run's manifest.json")],
    output: Annotated[Path | None, typer.Option(help="the run folder; runs/NAME by default")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change a setting")] = None,
    models: Annotated[list[str] | None, typer.Option(help="use these models; may be given again")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="dry run on the first N items of each set")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="set an earlier run aside and begin anew")] = False,
    memory: Annotated[str | None, typer.Option(help="most memory to use, weights included: 4GB for example")] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="compute everything, and keep no scores for later runs")
    ] = False,
) -> None:
    """Run an experiment, or go on with one that was stopped; ends with statistics, figures and a report."""
    import psylm
    from psylm.common.progress import Bars
    from psylm.common.registry import study_in_use
    from psylm.reporting.analyses import AnalysisError, left_out
    from psylm.reporting.finished import finish

    chosen = [name for names in models or [] for name in names.split(",")]
    overrides = [*(set_ or []), *([f"memory={memory}"] if memory else [])]
    with Bars(err) as bars:
        finished = psylm.run(
            config,
            output=output,
            overrides=overrides,
            models=chosen or None,
            limit=limit,
            restart=restart,
            cache=not no_cache,
            analyse=False,
            progress=bars,
        )
    out.print(f"results  {finished.path / 'results.parquet'}")
    try:
        _name(finish(finished, study_in_use(), during=err.status))
    except AnalysisError as error:
        _name(error.written)
        raise
    for note in left_out(finished):
        err.print(note, markup=False)


def analyze(folder: RunFolder) -> None:
    """Compute a run's statistics again, without the model."""
    import psylm
    from psylm.reporting.analyses import AnalysisError, left_out

    finished = psylm.Run(folder)
    try:
        tables = psylm.analyze(finished)
    except AnalysisError as error:
        _name(error.written)
        raise
    _name([folder / "analysis" / f"{name}.{ending}" for name in tables for ending in ("csv", "tex")])
    for note in left_out(finished):
        err.print(note, markup=False)


def figures(
    folder: RunFolder,
    output: Annotated[Path | None, typer.Option(help="the folder to write to; RUN/figures by default")] = None,
    width: Annotated[str | None, typer.Option(help="of every figure: single, double (column), or millimetres")] = None,
    greyscale: Annotated[bool, typer.Option("--greyscale", help="for a print without colour")] = False,
    language: Annotated[str, typer.Option(help="of axes and legends: en or ja")] = "en",
    formats: Annotated[str, typer.Option(help="some of pdf, svg and png")] = "pdf,svg,png",
) -> None:
    """Draw a run's figures again, as PDF, SVG and PNG."""
    import psylm

    drawn = psylm.draw(
        folder, output=output, formats=formats.split(","), width=width, greyscale=greyscale, language=language
    )
    for path in drawn:
        out.print(f"figure   {path}", markup=False)


def report(folder: RunFolder) -> None:
    """Write a run's report again: one self-contained HTML page."""
    import psylm

    out.print(f"report   {psylm.report(folder)}", markup=False)


def _name(written: list[Path]) -> None:
    """Name files that were written."""
    shown = {".csv": "table", ".tex": "LaTeX", ".png": "figure", ".html": "report"}
    for path in written:
        if path.suffix in shown:
            out.print(f"{shown[path.suffix]:8} {path}", markup=False)
