"""How many subjects and items an experiment with people needs to find an effect: simulated, tabled and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.progress import Listener
from psylm.runs.run import Run, write_table
from psylm.stats.conditions.predicted import predicted_effect
from psylm.stats.mixed_models.power import Components, Design, power_table


def power(
    effect: float,
    sd: Mapping[str, float] | Components,
    *,
    subjects: Sequence[int] = (20, 40, 60, 80),
    items: Sequence[int] = (24, 48),
    design: Design = "latin_square",
    simulations: int = 500,
    seed: int = 1,
    workers: int = 1,
    output: str | Path | None = None,
    progress: Listener | None = None,
) -> pd.DataFrame:
    """Simulate experiments with people of several sizes, and say how often each would find an effect.

    Parameters
    ----------
    effect
        The difference between conditions, in the unit of the response: milliseconds, for example. That which a run
        predicts is given by `effect_of_run`.
    sd
        Standard deviations in that unit: `subject`, `item`, `subject_slope`, `item_slope` and `residual`.
    subjects, items
        The numbers to try, in all combinations.
    design
        `latin_square`, `crossed` or `items_between`.
    simulations
        Experiments a combination.
    seed
        Seed; the table does not depend on `workers`.
    workers
        Processes.
    output
        A folder to write `power.csv` and the figure `power` (PDF, SVG and PNG) to; nothing is written by default.
    progress
        Is notified of each experiment that is done.

    Returns
    -------
    DataFrame
        A row a combination: `subjects`, `items`, `power` with its 95% interval (`low`, `high`), `analytic`, `singular`
        and `simulations`, as `psylm.stats.mixed_models.power.power_table` defines them.

    Raises
    ------
    InputError
        A standard deviation is missing or not known, or a number does not fit.

    Examples
    --------
    >>> power(20, {"subject": 60})
    Traceback (most recent call last):
    ...
    psylm.common.errors.InputError: sd: found subject; expected each of subject, item, subject_slope, item_slope,
    residual
    """
    table = power_table(
        effect, components_of_names(sd, "sd"), subjects, items, design=design, simulations=simulations, seed=seed,
        workers=workers, progress=progress,
    )  # fmt: skip
    if output is not None:
        write_table(Path(output) / "power.csv", table)
        _draw(table, Path(output) / "power")
    return table


def effect_of_run(run: str | Path | Run, contrast: str, at: str = "", *, per_bit: float) -> float:
    """Return the effect on people that a run predicts.

    Parameters
    ----------
    run
        The folder of an analysed run of one model on one stimulus set, or the run.
    contrast, at
        The contrast and where it holds, as its tables of contrasts name them: its estimate is in bits of surprisal.
    per_bit
        What one bit of surprisal adds to the response.

    Returns
    -------
    float
        The effect, in the unit of the response.

    Raises
    ------
    InputError
        There is no such contrast, or there are several.
    """
    return predicted_effect(run if isinstance(run, Run) else Run(run), contrast, at) * per_bit


def components_of_names(sd: Mapping[str, float] | Components, place: str) -> Components:
    """Return standard deviations that were given by name; `place` is where, for the message."""
    if isinstance(sd, Components):
        return sd
    wanted = [field.name for field in fields(Components)]
    if set(sd) != set(wanted):
        raise InputError(Problem(place, ", ".join(sd), "each of " + ", ".join(wanted)))
    return Components(**sd)


def _draw(table: pd.DataFrame, stem: Path) -> None:
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from psylm.figures.power import power_curves
    from psylm.figures.style import save, style

    with mpl.rc_context(style()):
        figure = power_curves(table).get_figure()
        assert figure is not None, "the axes are of a figure"
        save(figure, stem)  # type: ignore[arg-type]
        plt.close(figure)  # type: ignore[arg-type]
