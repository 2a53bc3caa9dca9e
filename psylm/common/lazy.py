"""Names that a package offers, each imported when it is first used: what is not used costs no time."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from psylm.common.modules import load_module


def offers(package: str, home: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__` and `__dir__` (PEP 562).

    Parameters
    ----------
    package
        The package.
    home
        For each name that it offers, the module that has it.

    Examples
    --------
    >>> getattr_, dir_ = offers("numbers", {"sqrt": "math"})
    >>> getattr_("sqrt")(9.0), dir_()
    (3.0, ['sqrt'])
    """

    def getattr_(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(home[name]), name)

    return getattr_, lambda: sorted(home)


def object_named(name: str) -> Any:
    """Import what a text names.

    Parameters
    ----------
    name
        `MODULE:NAME`, or `PATH.py:NAME` for a file of a study.

    Examples
    --------
    >>> object_named("math:sqrt")(9.0)
    3.0
    """
    place, _, attribute = name.rpartition(":")
    module = load_module(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    return getattr(module, attribute)
