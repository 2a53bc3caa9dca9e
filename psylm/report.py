"""The report of a run: one self-contained HTML page."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from psylm.analysis import LoadModule, modules, tables_of
from psylm.files import replacing
from psylm.measures.registry import measures
from psylm.results import Run
from psylm.tables import shown

SAMPLE = 12
"""Items that the page shows with the model's completions."""

SHOWN_CHARACTERS = 400
"""Characters of a text that the page shows around the target."""

SHOWN_ROWS = 300
"""Rows of a table that the page shows; the CSV file has all of them."""


def write_report(run: Run, load: LoadModule) -> Path:
    """Write `RUN/report.html`: summary, figures, tables, sample items, configuration and provenance.

    Parameters
    ----------
    run
        A run that has been analysed and drawn.
    load
        Gives an analysis module by its name, as `Study.analysis_module` does.

    Returns
    -------
    Path
        The page. It refers to nothing outside itself; what stands in stimuli and configs is escaped.
    """
    environment = Environment(
        loader=PackageLoader("psylm"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        run=run,
        manifest=run.manifest,
        experiment=run.manifest["experiment"],
        summary=_summary(run, load),
        figures=_figures(run),
        tables=[_table(name, table) for name, table in run.tables().items()],
        samples=[_sample(run, model, name) for model in run.model_names for name in run.stimulus_names],
        meanings={name: measure.meaning for name, measure in measures().items() if _was_asked(run, name)},
        manifest_text=json.dumps(run.manifest, indent=2, ensure_ascii=False),
    )
    path = run.path / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def _summary(run: Run, load: LoadModule) -> dict[str, list[str]]:
    """Join what the analysis modules say, under their common headings."""
    said: dict[str, list[str]] = {}
    for name, module in modules(run, load):
        for heading, sentences in module.summary(run, tables_of(run, name)).items():
            said.setdefault(heading, []).extend(sentences)
    return said


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
        source = f"data:image/png;base64,{base64.b64encode(image).decode()}"
        width = int.from_bytes(image[16:20]) * 96 // 300  # PNG header; figures are saved at 300 dpi
        found.append({"stem": stem, "caption": caption, "source": source, "width": f"{width * 1.6:.0f}"})
    return found


def _table(name: str, table: pd.DataFrame) -> dict[str, Any]:
    found = shown(table.head(SHOWN_ROWS))
    return {
        "name": name,
        "columns": found.columns,
        "rows": found.rows,
        "constants": found.constants,
        "left_out": max(0, len(table) - SHOWN_ROWS),
    }


def _sample(run: Run, model: str, stimuli: str) -> dict[str, Any]:
    """Choose items evenly over the set, and show each frame once, with what the model would put in its blank."""
    results = run.results
    mine = results[(results["model"] == model) & (results["stimuli"] == stimuli)]
    items = run.items(stimuli)
    items["frame"] = (
        items["context"] + "\0" + [s[: max(a, 0)] for s, a in zip(items["sentence"], items["start"], strict=True)]
    )
    frames = list(items.groupby(["item", "frame"], sort=False))
    step = max(1, len(frames) // SAMPLE)
    return {
        "model": model,
        "stimuli": stimuli,
        "card": run.card(stimuli),
        "frames": [_frame(rows, mine[mine["item"] == str(item)]) for (item, _), rows in frames[::step][:SAMPLE]],
    }


def _frame(rows: pd.DataFrame, results: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    conditions = set(rows["condition"])
    here = results[results["condition"].isin(conditions)]
    completions = here[(here["region"] == "completion") & (here["condition"] == first["condition"])]
    targets = here[here["region"] == "target"].pivot_table(
        index="condition", columns="measure", values="value", aggfunc="first"
    )
    start = max(int(first["start"]), 0)
    return {
        "item": first["item"],
        "context": _end(first["context"]),
        "before": _end(first["sentence"][:start]) if first["target"] else _beginning(first["sentence"]),
        "after": _beginning(first["sentence"][start + len(first["target"]) :]) if first["target"] else "",
        "targets": [
            {"condition": row["condition"], "word": row["target"]}
            | {
                name: float(targets.loc[row["condition"], name])
                for name in ("cloze", "surprisal", "rank")
                if row["condition"] in targets.index and name in targets
            }
            for _, row in rows.iterrows()
        ],
        "completions": list(zip(completions["word"], completions["value"], strict=True)),
    }


def _beginning(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"


def _end(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else "… " + text[-SHOWN_CHARACTERS:]
