"""The command line: each command is one call of the Python interface, with its progress and errors shown."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from psylm.cli.console import err, out
from psylm.cli.folders import cache, init
from psylm.cli.models import app as models
from psylm.cli.power import power
from psylm.cli.run import analyze, figures, report, run
from psylm.cli.score import score
from psylm.cli.stimuli import app as stimuli
from psylm.cli.train import finetune, train
from psylm.common.errors import InputError, PsylmError, write_problems
from psylm.common.version import __version__

STOPPED, MISTAKE = 130, 2

app = typer.Typer(
    name="psylm",
    help="Language models as participants in psycholinguistic experiments.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (run, analyze, figures, report, score, train, finetune, power, cache, init):
    app.command()(command)
app.add_typer(stimuli, name="stimuli")
app.add_typer(models, name="models")


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"psylm {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="and end")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; a mistake of the user ends with its message and status 2."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        app()
    except PsylmError as error:
        err.print(str(error), style="red", markup=False)
        if isinstance(error, InputError) and (error.file or error.abridged):
            err.print(f"every row with a problem: {error.file or write_problems(error.problems)}", markup=False)
        sys.exit(MISTAKE)
    except KeyboardInterrupt:
        err.print("stopped; what was computed is kept, and the same command goes on from there")
        sys.exit(STOPPED)
