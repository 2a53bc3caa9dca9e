"""`psylm init` and `psylm cache`: the study's folder, and the user's cache folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psylm.cli.console import out


def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="the folder to make")]) -> None:
    """Make a study: experiments, stimuli and analysis folders, with a worked example."""
    import psylm

    psylm.init(folder)
    out.print(f"{folder} is ready; its README says how to go on:\n  cd {folder}\n  psylm run example")


def cache(clear: Annotated[bool, typer.Option("--clear", help="remove all of them")] = False) -> None:
    """Show how many scores of earlier runs are kept, and where."""
    from psylm.runs.score_cache import ScoreCache

    kept = ScoreCache()
    if clear:
        kept.clear()
    count, size = kept.size()
    out.print(f"{count} scores, {size / 2**20:.1f} MiB, in {kept.path}")
