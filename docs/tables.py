"""The tables of the documentation that list what the code has: `python -m docs.tables` writes them anew.

A table stands between two comments, `<!-- table: NAME -->` and `<!-- end of table -->`; what is between is generated.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from psylm.measures.registry import MEASURES, Measure
from psylm.models.embedded import EMBEDDED
from psylm.models.lesion_kinds import LESION_KINDS

DOCS = Path(__file__).parent
PLACE = re.compile(r"(?<=<!-- table: )(\w[\w-]*)( -->\n)(.*?)(?=<!-- end of table -->)", re.DOTALL)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def measures() -> str:
    """List the measures: who can be asked, and what for."""
    rows = [
        [f"[`{name}`](reference/measure-options.md#{name})", ", ".join(sorted(one.families)), one.meaning]
        for name, one in sorted(MEASURES.items())
    ]
    return table(["measure", "families of models", "value"], rows)


def measure_options() -> str:
    """Describe each measure: its value, families, options with their defaults, and sources."""
    return "\n".join(_described(MEASURES[name]) for name in sorted(MEASURES))


def _described(measure: Measure) -> str:
    lines = [
        f"## {measure.name}\n\n{_sentence(measure.meaning)}\n",
        f"\nModels: {', '.join(sorted(measure.families))}. {'Needs a target. ' if measure.needs_target else ''}"
        f"{'Writes arrays. ' if measure.arrays else ''}".rstrip()
        + "\n",
    ]
    options = measure.options.model_fields
    if options:
        rows = [
            [f"`{name}`", _values(one.annotation), _default(one), one.description or ""]
            for name, one in options.items()
        ]
        lines.append("\n" + table(["option", "values", "default", "meaning"], rows))
    sources = _section(inspect.getdoc(measure.function) or "", "References")
    if sources:
        lines.append(f"\nSources: {sources}\n")
    return "".join(lines)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _section(docstring: str, title: str) -> str:
    """Return the text of a section of a NumPy docstring, on one line."""
    match = re.search(rf"^{title}\n-+\n(.*?)(?=^\w+\n-+$|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return " ".join(match[1].split()) if match else ""


def _values(kind: Any) -> str:
    """Say which values an option takes."""
    if kind is type(None):
        return ""
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if kind in (str, int, float, bool):
        return {str: "text", int: "whole number", float: "number", bool: "`true`, `false`"}[kind]
    if get_origin(kind) is list:
        return f"list of {_values(get_args(kind)[0])}"
    if hasattr(kind, "__metadata__"):
        return _values(get_args(kind)[0])
    return "; ".join(filter(None, map(_values, get_args(kind))))


def _default(option: FieldInfo) -> str:
    value = option.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None or value == "" or value == []:
        return ""
    written = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else None
    return f"`{written or ('[' + ', '.join(value) + ']' if isinstance(value, list) else value)}`"


def embedded() -> str:
    """List the models whose weights come with Python packages."""
    rows = [
        [
            f"`embedded:{one.name}`",
            one.family,
            f"{one.parameters / 1e6:.1f} M",
            f"{one.vocabulary:,}",
            one.language,
            one.licence,
            f"`{one.package}`",
        ]
        for one in EMBEDDED.values()
    ]
    return table(["model", "family", "parameters", "tokens", "language", "licence", "package"], rows)


def lesions() -> str:
    """List the kinds of lesions."""
    rows = [[f"`{name}`", kind.form, kind.meaning] for name, kind in LESION_KINDS.items()]
    return table(["change", "value", "effect"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "measures": measures,
    "measure-options": measure_options,
    "embedded": embedded,
    "lesions": lesions,
}


def renewed(page: str) -> str:
    """Return a page with its tables made anew."""
    return PLACE.sub(lambda place: f"{place[1]} -->\n\n{TABLES[place[1]]()}\n", page)


def pages() -> list[Path]:
    """Return the pages that have such tables."""
    return [page for page in sorted(DOCS.rglob("*.md")) if PLACE.search(page.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    for page in pages():
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(page)
