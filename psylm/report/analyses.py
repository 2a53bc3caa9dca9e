"""Runs analysis modules over a finished run: tables, figures, and a summary in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pandas as pd

from psylm.common.errors import PsylmError
from psylm.common.files import replacing
from psylm.figures.drawn import Drawn
from psylm.prose.latex import latex_table
from psylm.runs.run import Run, write_json, write_table

LoadModule = Callable[[str], ModuleType]


def modules(run: Run, load: LoadModule) -> Iterator[tuple[str, ModuleType]]:
    """Load the run's analysis modules, each checked to have what it needs.

    Parameters
    ----------
    run
        The run.
    load
        Gives a module by its name, as `Study.analysis_module` does.

    Raises
    ------
    PsylmError
        A module lacks one of its functions, or the run one of the module's measures.
    """
    measured = set(run.results["measure"])
    for name in run.manifest["experiment"]["analysis"]:
        module = load(name)
        lacking = [part for part in ("REQUIRES", "tables", "figures", "summary") if not hasattr(module, part)]
        if lacking:
            raise PsylmError(f"analysis module {name!r}: found no {', '.join(lacking)}; see 'write an experiment'")
        missing = [measure for measure in module.REQUIRES if measure not in measured]
        if missing:
            raise PsylmError(
                f"analysis module {name!r}: found no {', '.join(missing)} in {run.path}; "
                f"expected the measures {', '.join(module.REQUIRES)}"
            )
        yield name, module


def analyze(run: Run, load: LoadModule) -> list[Path]:
    """Compute a run's tables and write them to `RUN/analysis/`; parameters as in `modules`.

    Returns
    -------
    list of Path
        The files: a CSV and a LaTeX file a table.
    """
    written = []
    title = str(run.manifest["experiment"]["title"] or run.manifest["experiment"]["name"])
    for name, module in modules(run, load):
        tables: dict[str, pd.DataFrame] = module.tables(run)
        for table, content in tables.items():
            path = run.path / "analysis" / f"{name}-{table}.csv"
            write_table(path, content)
            caption = f"{title}: {name}, {table}".replace("_", " ")
            with replacing(path.with_suffix(".tex")) as temporary:
                temporary.write_text(latex_table(content, caption, f"tab:{path.stem}"), encoding="utf-8")
            written += [path, path.with_suffix(".tex")]
    return written


def tables_of(run: Run, name: str) -> dict[str, pd.DataFrame]:
    """Read the tables that a module wrote, by the module's own names for them."""
    prefix = f"{name}-"
    return {key.removeprefix(prefix): table for key, table in run.tables().items() if key.startswith(prefix)}


def draw(
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
    """
    import matplotlib.pyplot as plt

    from psylm.figures.labels import check_language, translate
    from psylm.figures.style import save, styled

    check_language(language)
    folder = folder or run.path / "figures"
    written, captions = [], {}
    for name, module in modules(run, load):
        with styled(greyscale=greyscale):
            drawn: dict[str, Drawn] = module.figures(run, tables_of(run, name))
            for title, one in drawn.items():
                stem = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{name}-{title}").strip("-")
                if width is not None:
                    one.figure.set_size_inches(width, one.figure.get_figheight())
                translate(one.figure, language)
                written += save(one.figure, folder / stem, formats)
                captions[stem] = one.caption
                plt.close(one.figure)
    write_json(folder / "captions.json", captions)
    return written
