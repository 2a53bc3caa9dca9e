"""An exception in a study's own code, shown as the few lines of that code that it came through."""

from __future__ import annotations

import traceback
from pathlib import Path

from psylm.common.errors import PsylmError

SHOWN_LINES = 4
"""Places in a module that are shown at most: the last ones, where the exception was raised."""


def fault(error: Exception, file: Path) -> str:
    r"""Say what went wrong in a module, and at which of its lines; nothing of the code around it.

    Parameters
    ----------
    error
        What the module raised, on import or when one of its functions was called.
    file
        The module's file.

    Returns
    -------
    str
        The message, then a line for each place in the module: file, number, function, and the code there.

    Examples
    --------
    >>> file = getfixture("tmp_path") / "hits.py"
    >>> _ = file.write_text("def tables(run):\n    return 1 / 0\n")
    >>> names = {}
    >>> exec(compile(file.read_text(), str(file), "exec"), names)
    >>> try:
    ...     names["tables"](None)
    ... except ZeroDivisionError as error:
    ...     print(fault(error, file).replace(str(file), "hits.py"))
    ZeroDivisionError: division by zero
      hits.py, line 2, in tables: return 1 / 0
    """
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    if isinstance(error, SyntaxError) and error.filename == str(file):
        code = (error.text or "").strip()
        return f"{type(error).__name__}: {error.msg}\n  {shown}, line {error.lineno}: {code}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    name = "" if isinstance(error, PsylmError) else f"{type(error).__name__}: "
    places = []
    for frame in frames[-SHOWN_LINES:]:
        where = "" if frame.name == "<module>" else f", in {frame.name}"
        places.append(f"  {shown}, line {frame.lineno}{where}: {frame.line}")
    return "\n".join([f"{name}{error}", *places])
