"""What a finished run gives: tables, figures and the page; each made anew without the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pandas as pd

from psylm.common.registry import using
from psylm.common.study import Study
from psylm.figures.style import width_of
from psylm.reporting.analyses import AnalysisError, write_figures, write_tables
from psylm.reporting.page import write_report
from psylm.runs.run import Run


def analyze(run: str | Path | Run, *, study: Study | None = None) -> dict[str, pd.DataFrame]:
    """Compute a run's statistics, and write them to `RUN/analysis/` as CSV and LaTeX.

    Parameters
    ----------
    run
        The folder of a finished run, or the run.
    study
        Where its analysis modules are looked for; by default the study in use (`psylm.use_study`).

    Returns
    -------
    dict of DataFrame
        Each table by the name of its file, without the ending.

    Raises
    ------
    InputError
        The folder holds no run, or the run lacks what an analysis needs.
    AnalysisError
        Modules raised an exception; raised after the tables of all others are written.

    Examples
    --------
    >>> analyze("no/such/run")
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: no/such/run: found no manifest.json; expected the folder of a psylm run
    """
    finished = _run(run)
    with using(study) as used:
        written = write_tables(finished, used.analysis_module)
    tables = finished.tables()
    return {path.stem: tables[path.stem] for path in written if path.suffix == ".csv"}


def draw(
    run: str | Path | Run,
    *,
    output: str | Path | None = None,
    formats: Sequence[str] = ("pdf", "svg", "png"),
    width: str | float | None = None,
    greyscale: bool = False,
    language: str = "en",
    study: Study | None = None,
) -> list[Path]:
    """Draw the figures of a run that was analysed.

    Parameters
    ----------
    run
        The folder of an analysed run, or the run.
    output
        The folder to write to; `RUN/figures/` by default.
    formats
        Some of `pdf`, `svg` and `png`.
    width
        Of every figure: `single` or `double` (column), or millimetres; by default as its content asks for.
    greyscale
        Draw for a print without colour.
    language
        Of axes and legends: `en` or `ja`.
    study
        As in `psylm.analyze`.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        As `psylm.analyze` raises it; or a width, format or language that is not known.
    AnalysisError
        Modules raised an exception; raised after the figures of all others are drawn.
    """
    inches = None if width is None else width_of(str(width))
    with using(study) as used:
        return write_figures(
            _run(run), used.analysis_module, folder=None if output is None else Path(output), formats=formats,
            width=inches, greyscale=greyscale, language=language,
        )  # fmt: skip


def report(run: str | Path | Run, *, study: Study | None = None) -> Path:
    """Write `RUN/report.html`, one page with all that is known of a run; parameters as in `psylm.analyze`.

    Returns
    -------
    Path
        The page. It refers to nothing outside itself.

    Raises
    ------
    InputError, AnalysisError
        As `psylm.analyze` raises them; a module's exception is raised after the page is written.
    """
    with using(study) as used:
        return write_report(_run(run), used.analysis_module)


def _nothing_shown(_: str) -> AbstractContextManager[object]:
    return nullcontext()


def finish(
    run: Run, study: Study, *, during: Callable[[str], AbstractContextManager[object]] = _nothing_shown
) -> list[Path]:
    """Analyse, draw and report a run; a module that fails stops none of it.

    Parameters
    ----------
    run
        A finished run.
    study
        Where its analysis modules are looked for.
    during
        Gives a context to do each step in, by the step's name: to show it.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    AnalysisError
        Modules raised an exception; raised after all else is written, which it names.
    """
    written: list[Path] = []
    faults: dict[str, str] = {}
    steps: dict[str, Callable[[], list[Path]]] = {
        "analysis": lambda: write_tables(run, study.analysis_module),
        "figures": lambda: write_figures(run, study.analysis_module),
        "report": lambda: [write_report(run, study.analysis_module)],
    }
    with using(study):
        for name, step in steps.items():
            with during(name):
                try:
                    written += step()
                except AnalysisError as error:
                    faults |= error.faults
                    written += error.written
    if faults:
        raise AnalysisError(faults, written)
    return written


def _run(run: str | Path | Run) -> Run:
    return run if isinstance(run, Run) else Run(run)
