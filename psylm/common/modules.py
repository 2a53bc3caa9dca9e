"""Python files of a study, loaded as modules."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

PREFIX = "psylm_study"
"""Begins the names of modules that are a study's own."""


def load_module(file: Path, *, again: bool = False) -> ModuleType:
    """Load a Python file as a module of its own; a file that has not changed since is loaded once.

    Parameters
    ----------
    file
        The file. Its code is run: it must be the user's own, or built in.
    again
        Run the file again even if it has not changed, since it adds to what was emptied meanwhile.

    Returns
    -------
    ModuleType
        The module, which `sys.modules` knows by a name made of the file's path, so that dataclasses, pickling and
        `typing.get_type_hints` find what it defines.
    """
    place = str(file.resolve())
    state = file.stat()
    name = f"{PREFIX}_{file.stem}_{hashlib.sha256(place.encode()).hexdigest()[:12]}"
    known = sys.modules.get(name)
    if not again and known is not None and vars(known).get("__psylm_state__") == (state.st_mtime_ns, state.st_size):
        return known
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None and spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    vars(module)["__psylm_state__"] = (state.st_mtime_ns, state.st_size)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
