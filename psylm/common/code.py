"""Which code a result depends on: a module, and what it imports of psylm, named by their content."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = "psylm"

LIBRARIES = ("torch", "transformers", "tokenizers", "wordfreq", "fugashi", "unidic-lite")
"""Libraries whose versions scores depend on."""


def code_of(*modules: str) -> str:
    """Name the code of modules and of all that they import of psylm, directly or not.

    Imports are found by reading the files, those inside functions among them; nothing is run. A module of a study is
    known by the name under which it was loaded.

    Parameters
    ----------
    modules
        Names of modules.

    Returns
    -------
    str
        A SHA-256 digest: another one as soon as any of the files has another content.

    Examples
    --------
    >>> code_of("psylm.common.code") == code_of("psylm.common.code") != code_of("psylm.common.errors")
    True
    """
    whole = hashlib.sha256()
    for name, file in sorted(_reached(modules).items()):
        whole.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


@cache
def versions_of(*packages: str) -> tuple[str, ...]:
    """Return the versions of installed packages, empty for those that are absent.

    Examples
    --------
    >>> versions_of("no-such-package")
    ('',)
    """
    found = []
    for package in packages:
        try:
            found.append(importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            found.append("")
    return tuple(found)


def _reached(modules: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        file = _file_of(name)
        if name in found or file is None:
            continue
        found[name] = file
        state = file.stat()
        waiting += _imported(name, file, state.st_mtime_ns, state.st_size)
    return found


def _file_of(name: str) -> Path | None:
    """Return a module's file, without importing it; None where there is no such module."""
    package, *parts = name.split(".")
    if package != PACKAGE:
        file = getattr(sys.modules.get(name), "__file__", None)
        return None if file is None else Path(file)
    for root in sys.modules[PACKAGE].__path__:
        place = Path(root, *parts)
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if file.is_file():
                return file
    return None


@cache
def _imported(name: str, file: Path, _modified: int, _size: int) -> tuple[str, ...]:
    """Return the modules of psylm that a file imports, and names out of them that may be modules too."""
    return tuple(dict.fromkeys(_imports(ast.parse(file.read_text(encoding="utf-8")))))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.partition(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == PACKAGE:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)
