"""The report of a run: one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from psylm.common.files import replacing
from psylm.measures.registry import MEASURES
from psylm.prose.columns import ITALIC, shown
from psylm.reporting.analyses import LoadModule, left_out, said
from psylm.reporting.item_browser import browser_data
from psylm.runs.run import Run

SHOWN_ROWS = 300
"""Rows of a table that the page shows; the CSV file has all of them."""

DOWNLOAD = 100_000
"""Bytes of a CSV file that the page carries at most, for its download link."""

SCRIPTS = ("tables.js", "plot.js", "panel.js", "browser.js")


def write_report(run: Run, load: LoadModule) -> Path:
    """Write `RUN/report.html`: summary, figures, tables, item browser, configuration and provenance.

    Parameters
    ----------
    run
        A run that has been analysed and drawn.
    load
        Gives an analysis module by its name, as `Study.analysis_module` does.

    Returns
    -------
    Path
        The page. It refers to nothing outside itself, and its content security policy forbids that, and every script
        but its own; what stands in stimuli and configs is escaped.

    Raises
    ------
    AnalysisError
        A module's summary raised an exception; raised after the page is written.
    """
    environment = Environment(
        loader=PackageLoader("psylm.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"apa": italicised, "apa_heading": _heading, "start": _start}
    style = _source("style.css")
    script = "(() => {\n'use strict';\n" + "\n".join(map(_source, SCRIPTS)) + "})();"
    summary, left = said(run, load)
    page = environment.get_template("page.html.j2").render(
        run=run,
        manifest=run.manifest,
        experiment=run.manifest["experiment"],
        summary=summary,
        left_out=list(dict.fromkeys([*left_out(run), *left.faults.values()])),
        figures=_figures(run),
        tables=[_table(run, name, table) for name, table in run.tables().items()],
        browser=json_within_html(browser_data(run)),
        meanings={name: measure.meaning for name, measure in sorted(MEASURES.items()) if _was_asked(run, name)},
        manifest_text=json.dumps(run.manifest, indent=2, ensure_ascii=False),
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
    )
    path = run.path / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    left.finish([path])
    return path


SYMBOL = re.compile(r"\b(?:([ptrFzdbn]|SD|M)|d_([zs]))(?=(?:\([\d., ]+\))? (?:=|&lt;)|(?:’s)? (?:tests?|values?)\b)")
"""A letter that stands for a statistic: one before its value, or before the word *test* or *value*."""


def italicised(text: str) -> Markup:
    """Set the symbols of statistics in italics, as APA style does, and keep them on one line with their values.

    Examples
    --------
    >>> str(italicised("A <b>, t(47) = 2.1, d_z = 0.30, p values.")).replace("\N{NO-BREAK SPACE}", "_")
    'A &lt;b&gt;, <i>t</i>(47)_=_2.1, <i>d</i><sub>z</sub>_=_0.30, <i>p</i> values.'
    """
    found = SYMBOL.sub(lambda one: f"<i>{one[1]}</i>" if one[1] else f"<i>d</i><sub>{one[2]}</sub>", str(escape(text)))
    return Markup(re.sub(r" (=|&lt;) (?=[−.\d])", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", found))


def _heading(name: str) -> Markup:
    first, _, rest = name.partition(" ")
    return Markup("<i>{}</i> {}").format(first, rest) if name in ITALIC else escape(name)


def _start(model: dict[str, Any]) -> Markup:
    """Say what stands before a plain text of a model, and why."""
    start = model.get("start")
    if start is None:
        return Markup("its own special tokens")
    shown = Markup("<code>{}</code>").format(json.dumps(start["text"], ensure_ascii=False)[1:-1])
    return Markup("{}: {}").format(shown if start["text"] else "nothing", start["reason"])


def _source(name: str) -> str:
    return (resources.files("psylm.reporting") / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def json_within_html(data: object) -> Markup:
    r"""Write data as JSON that may stand in a `script` element: nothing in it ends the element or begins a comment.

    Examples
    --------
    >>> str(json_within_html({"a": "</script><!--"}))
    '{"a":"\\u003c/script>\\u003c!--"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _was_asked(run: Run, measure: str) -> bool:
    return any(measure in entry for entry in run.manifest["experiment"]["measures"])


def _figures(run: Run) -> list[dict[str, str]]:
    captions_file = run.path / "figures" / "captions.json"
    if not captions_file.is_file():
        return []
    captions: dict[str, str] = json.loads(captions_file.read_text(encoding="utf-8"))
    found = []
    for stem, caption in captions.items():
        image = (run.path / "figures" / f"{stem}.png").read_bytes()
        width = int.from_bytes(image[16:20]) * 96 // 300  # PNG header; figures are saved at 300 dpi
        source = _data_uri("image/png", image)
        found.append({"stem": stem, "caption": caption, "source": source, "width": f"{width * 1.6:.0f}"})
    return found


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _table(run: Run, name: str, table: pd.DataFrame) -> dict[str, Any]:
    found = shown(table.head(SHOWN_ROWS))
    file = run.path / "analysis" / f"{name}.csv"
    return {
        "name": name,
        "columns": found.columns,
        "rows": found.rows,
        "constants": found.constants,
        "left_out": max(0, len(table) - SHOWN_ROWS),
        "download": _data_uri("text/csv", file.read_bytes()) if file.stat().st_size <= DOWNLOAD else "",
    }
