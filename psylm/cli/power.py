"""`psylm power`: how many subjects and items the human replication needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from psylm.cli.console import err, out
from psylm.common.errors import InputError, Problem

Numbers = Annotated[str, typer.Option(metavar="N,N,…", help="numbers to try")]


def power(
    sd: Annotated[
        str, typer.Option(help="standard deviations: subject=60,item=30,subject_slope=20,item_slope=15,residual=100")
    ],
    effect: Annotated[float | None, typer.Option(help="the effect, in the unit of the standard deviations")] = None,
    run: Annotated[Path | None, typer.Option(help="a run folder, whose contrast in bits predicts the effect")] = None,
    contrast: Annotated[str, typer.Option(help="the contrast of that run, as its analysis names it")] = "",
    at: Annotated[str, typer.Option(help="where the contrast holds, for example 'constraint high'")] = "",
    per_bit: Annotated[float | None, typer.Option(help="what one bit of surprisal adds, in that unit")] = None,
    subjects: Numbers = "20,40,60,80",
    items: Numbers = "24,48",
    design: Annotated[str, typer.Option(help="latin_square, crossed or items_between")] = "latin_square",
    simulations: Annotated[int, typer.Option(help="simulated experiments a combination")] = 500,
    seed: Annotated[int, typer.Option()] = 1,
    output: Annotated[Path, typer.Option(help="folder of the table and the figure")] = Path("power"),
) -> None:
    """Simulate human experiments of several sizes, and say how often each would find the effect."""
    import psylm
    from psylm.common.progress import Bars
    from psylm.reporting.power import components_of_names, effect_of_run

    components = components_of_names(_standard_deviations(sd), "--sd")
    counts = {"subjects": _numbers("subjects", subjects), "items": _numbers("items", items)}
    if (effect is None) == (run is None):
        raise InputError(Problem("--effect", "neither or both of --effect and --run", "one of the two"))
    if run is not None:
        if per_bit is None:
            raise InputError(Problem("--per-bit", "nothing", "what one bit of surprisal adds to the response"))
        effect = effect_of_run(run, contrast, at, per_bit=per_bit)
    assert effect is not None, "either --effect or --run is given"
    with Bars(err) as bars:
        table = psylm.power(
            effect, components, **counts, design=design, simulations=simulations, seed=seed,  # type: ignore[arg-type]
            workers=max(os.cpu_count() or 1, 1), output=output, progress=bars,
        )  # fmt: skip
    out.print(f"effect   {effect:.4g}")
    out.print(table.round(3).to_string(index=False))
    out.print(f"table    {output / 'power.csv'}\nfigure   {output / 'power.png'}")


def _standard_deviations(text: str) -> dict[str, float]:
    given = dict(pair.partition("=")[::2] for pair in text.split(","))
    try:
        return {name.strip(): float(value) for name, value in given.items()}
    except ValueError:
        raise InputError(Problem("--sd", repr(text), "NAME=NUMBER,…")) from None


def _numbers(name: str, text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise InputError(Problem(f"--{name}", repr(text), "whole numbers, with commas between them")) from None
