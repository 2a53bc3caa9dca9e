"""`psylm train` and `psylm finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from psylm.cli.console import err, out

Output = Annotated[Path | None, typer.Option(help="the folder; trained/NAME by default")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change a setting")]


def train(
    config: Annotated[str, typer.Argument(help="a training's name, or its YAML file")],
    output: Output = None,
    set_: Settings = None,
) -> None:
    """Train models, or go on with a training that was stopped; `torchrun -m psylm train` shares the work."""
    import psylm
    from psylm.common.progress import Bars

    with Bars(err) as bars:
        folders = psylm.train(config, output=output, overrides=set_ or [], listener=bars)
    for folder in folders:
        out.print(f"model    scratch:{folder}")
    out.print(f"figure   {folders[0].parent / 'figures' / 'losses.png'}")


def finetune(
    config: Annotated[str, typer.Argument(help="a fine-tuning's name, or its YAML file")],
    output: Output = None,
    set_: Settings = None,
) -> None:
    """Fine-tune a sentence encoder on pairs, or go on with it; say what it changes on held-out pairs."""
    import psylm

    folder, table = psylm.finetune(config, output=output, overrides=set_ or [])
    for row in table.to_dict("records"):
        out.print(
            f"{row['when']:8} {row['stimuli']}: Spearman {row['estimate']:.3f} [{row['low']:.3f}, {row['high']:.3f}], "
            f"{row['n']} held-out pairs"
        )
    out.print(f"model    file:{folder}")
