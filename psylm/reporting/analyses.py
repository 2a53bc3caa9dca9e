"""Runs analysis modules over a finished run: tables, figures, and a summary in plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from psylm.common.errors import InputError, PsylmError
from psylm.common.faults import fault
from psylm.common.files import replacing
from psylm.figures.drawn import Drawn
from psylm.prose.latex import latex_table
from psylm.reporting.requirements import Offered, requirements, too_few, unmet
from psylm.reporting.requirements import Requires as Requires
from psylm.runs.run import Run, write_json, write_table

LoadModule = Callable[[str], ModuleType]


class AnalysisError(PsylmError):
    """Analysis modules failed; what the others made is there.

    Parameters
    ----------
    faults
        What went wrong, by the module's name and its function.
    written
        Files that were written all the same.
    """

    def __init__(self, faults: dict[str, str], written: Sequence[Path]) -> None:
        self.faults = faults
        self.written = list(written)
        super().__init__("\n".join(f"analysis module {where}: {message}" for where, message in faults.items()))


class LeftOut:
    """What a run's analysis leaves out and why: kept in `RUN/analysis/left-out.json`, shown in the report.

    Parameters
    ----------
    run
        The run.
    part
        `tables`, `figures` or `summary`: the functions of modules that are called now. What is known of this part is
        forgotten, and so of figures and summary when tables are made anew.
    """

    def __init__(self, run: Run, part: str) -> None:
        self.file, self.part = run.path / "analysis" / "left-out.json", part
        known = json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}
        self.reasons: dict[str, dict[str, str]] = {} if part == "tables" else known | {part: {}}
        self.faults: dict[str, str] = {}

    def skips(self, name: str) -> bool:
        """Whether a module has no tables, so that it has nothing to draw or to say."""
        return name in self.reasons.get("tables", {})

    def note(self, name: str, reason: str) -> None:
        """Keep why a module is left out."""
        self.reasons.setdefault(self.part, {})[name] = reason

    @contextmanager
    def unless(self, name: str, file: Path) -> Iterator[None]:
        """Go on after an exception in a module, which is kept with the module's own lines."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the module is the user's own code: whatever it raises is shown
            message = fault(error, file)
            self.note(name, message)
            self.faults[f"{name}, {self.part}"] = message

    def finish(self, written: Sequence[Path]) -> None:
        """Keep it all; raise AnalysisError if modules failed."""
        write_json(self.file, {part: reasons for part, reasons in self.reasons.items() if reasons})
        if self.faults:
            raise AnalysisError(self.faults, written)


def left_out(run: Run) -> list[str]:
    """Say what a run's analysis leaves out, and why."""
    file = run.path / "analysis" / "left-out.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return list(dict.fromkeys(reason for reasons in known.values() for reason in reasons.values()))


def modules(run: Run, load: LoadModule) -> Iterator[tuple[str, ModuleType, str]]:
    """Load the run's analysis modules, each checked to have what it needs.

    Parameters
    ----------
    run
        The run.
    load
        Gives a module by its name, as `Study.analysis_module` does.

    Yields
    ------
    name, module, note
        The note says why the module is left out, if the run has too few items for it.

    Raises
    ------
    PsylmError
        A module lacks one of its functions, or the run something that the module needs.
    """
    measured = set(run.results["measure"])
    sets = [Offered(name, run.card(name), run.items(name), run.human(name) is not None) for name in run.stimulus_names]
    for name in run.manifest["experiment"]["analysis"]:
        module = load(name)
        needs = requirements(name, module)
        problems = unmet(name, needs, measured, sets, f"{run.path}: analysis")
        if problems:
            raise InputError(*problems)
        yield name, module, too_few(name, needs, sets)


def write_tables(run: Run, load: LoadModule) -> list[Path]:
    """Compute a run's tables and write them to `RUN/analysis/`; parameters as in `modules`.

    Returns
    -------
    list of Path
        The files: a CSV and a LaTeX file a table.

    Raises
    ------
    AnalysisError
        Modules raised an exception; raised after the tables of all others are written.
    """
    written: list[Path] = []
    title = str(run.manifest["experiment"]["title"] or run.manifest["experiment"]["name"])
    left = LeftOut(run, "tables")
    for name, module, note in modules(run, load):
        if note:
            left.note(name, note)
        tables: dict[str, pd.DataFrame] = {}
        with left.unless(name, _file(module)):
            tables = {} if note else _checked(module.tables(run), pd.DataFrame, "tables")
        if left.skips(name):
            _remove_tables(run, name)
        for table, content in tables.items():
            path = run.path / "analysis" / f"{name}-{table}.csv"
            write_table(path, content)
            caption = f"{title}: {name}, {table}".replace("_", " ")
            with replacing(path.with_suffix(".tex")) as temporary:
                temporary.write_text(latex_table(content, caption, f"tab:{path.stem}"), encoding="utf-8")
            written += [path, path.with_suffix(".tex")]
    left.finish(written)
    return written


def _file(module: ModuleType) -> Path:
    return Path(module.__file__ or "")


def _checked(made: Any, kind: type, function: str) -> Any:
    """Return what a module's function made, if it is a dict of what it should hold."""
    if not isinstance(made, dict):
        raise PsylmError(f"{function} gave a {type(made).__name__}; expected a dict of name to {kind.__name__}")
    for name, one in made.items():
        if not isinstance(one, kind):
            raise PsylmError(f"{function} gave a {type(one).__name__} as {name!r}; expected a {kind.__name__}")
    return made


def _remove_tables(run: Run, name: str) -> None:
    """Remove what an earlier analysis wrote of a module that gives no tables now: it is not of this run's code."""
    for ending in ("csv", "tex"):
        for path in (run.path / "analysis").glob(f"{name}-*.{ending}"):
            path.unlink()


def tables_of(run: Run, name: str) -> dict[str, pd.DataFrame]:
    """Read the tables that a module wrote, by the module's own names for them."""
    prefix = f"{name}-"
    return {key.removeprefix(prefix): table for key, table in run.tables().items() if key.startswith(prefix)}


def write_figures(
    run: Run,
    load: LoadModule,
    *,
    folder: Path | None = None,
    formats: Sequence[str] = ("pdf", "svg", "png"),
    width: float | None = None,
    greyscale: bool = False,
    language: str = "en",
) -> list[Path]:
    """Draw a run's figures, as PDF, SVG and PNG.

    Parameters
    ----------
    run, load
        As in `modules`.
    folder
        Where to; `RUN/figures/` by default.
    formats
        Some of `pdf`, `svg` and `png`.
    width
        Width of every figure, in inches; by default each has that of one or two columns, as its content asks for.
    greyscale
        Draw for a print without colour.
    language
        Language of axes and legends, `en` or `ja`.

    Returns
    -------
    list of Path
        The files. Captions are kept beside them in `captions.json`, in English.

    Raises
    ------
    AnalysisError
        Modules raised an exception; raised after the figures of all others are drawn.
    """
    import matplotlib.pyplot as plt

    from psylm.figures.labels import check_language, translate
    from psylm.figures.style import save, styled

    check_language(language)
    folder = folder or run.path / "figures"
    written: list[Path] = []
    captions = {}
    left = LeftOut(run, "figures")
    for name, module, _ in modules(run, load):
        if left.skips(name):
            continue
        with styled(greyscale=greyscale):
            drawn: dict[str, Drawn] = {}
            with left.unless(name, _file(module)):
                drawn = _checked(module.figures(run, tables_of(run, name)), Drawn, "figures")
            for title, one in drawn.items():
                stem = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{title}").strip("-")
                if width is not None:
                    one.figure.set_size_inches(width, one.figure.get_figheight())
                translate(one.figure, language)
                written += save(one.figure, folder / stem, formats)
                captions[stem] = one.caption
                plt.close(one.figure)
    write_json(folder / "captions.json", captions)
    left.finish(written)
    return written


def said(run: Run, load: LoadModule) -> tuple[dict[str, list[str]], LeftOut]:
    """Join what the analysis modules say under their common headings; parameters as in `modules`."""
    together: dict[str, list[str]] = {}
    left = LeftOut(run, "summary")
    for name, module, _ in modules(run, load):
        if left.skips(name):
            continue
        with left.unless(name, _file(module)):
            for heading, sentences in _checked(module.summary(run, tables_of(run, name)), list, "summary").items():
                together.setdefault(heading, []).extend(sentences)
    return together, left
