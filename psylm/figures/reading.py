"""Figures of reading and of ERPs: profiles, the shape of an effect, spillover, and predictive power by perplexity."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, ScalarFormatter

from psylm.figures.drawn import Drawn
from psylm.figures.forest import forest
from psylm.figures.style import COLOURS, DOUBLE, MARKERS, SINGLE, band, new_figure, panel, series, styled
from psylm.prose.reading import NATS, short

GAIN = "Δ log-likelihood (10⁻³ nats per word)"

STRIP = 0.12
"""Share of a panel's height that the histogram of words takes."""


def grid(width: float, height: float, count: int, columns: int) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels with axes of their own, row by row.

    Parameters
    ----------
    width, height
        Width of the figure and height of one row of panels, in inches.
    count
        Number of panels.
    columns
        Panels in a row, at most.
    """
    across = min(columns, count)
    rows = -(-count // across)
    with styled():
        figure, axes = plt.subplots(rows, across, figsize=(width, height * rows), squeeze=False)
    panels = list(axes.flat)
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def profile(table: pd.DataFrame, hue: str, *, axes: Axes | None = None) -> Axes:
    """Draw means by position with their 95% intervals, a line a measure.

    Parameters
    ----------
    table
        Rows with `position`, `mean`, `low` and `high`.
    hue
        Column that tells lines apart.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the measure and its unit.

    Examples
    --------
    >>> table = pd.DataFrame({"measure": "rt", "position": [0, 1], "mean": [350.0, 330.0], "low": [340.0, 320.0],
    ...                       "high": [360.0, 340.0]})
    >>> profile(table, "measure").lines[0].get_ydata().tolist()
    [350.0, 330.0]
    """
    with panel(2.0, axes=axes) as axes:
        for number, (name, rows) in enumerate(table.groupby(hue, sort=False)):
            rows = rows.sort_values("position")
            axes.plot(rows["position"], rows["mean"], **series(number), markersize=2.5, label=short(str(name)))
            band(rows["position"], rows["low"], rows["high"], number, axes=axes)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return axes


def smooth_curve(curve: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw a smooth effect with its interval, the line where the effect is linear, and how many words there are.

    Parameters
    ----------
    curve
        Of one response and predictor, as `psylm.stats.reading.shape.smooth_effect` gives it.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the response and its unit.

    Examples
    --------
    >>> curve = pd.DataFrame({"value": [0.0, 10.0], "effect": [-5.0, 5.0], "low": [-6.0, 4.0], "high": [-4.0, 6.0],
    ...                       "linear": [-5.0, 5.0], "share": [0.5, 0.5]})
    >>> smooth_curve(curve).get_xlabel()
    'Surprisal (bits)'
    """
    with panel(2.2, axes=axes) as axes:
        axes.axhline(0, color="0.8", linewidth=0.6, zorder=0)
        band(curve["value"], curve["low"], curve["high"], 0, axes=axes)
        axes.plot(curve["value"], curve["effect"], color=COLOURS[0], label="smooth, 95% interval")
        axes.plot(curve["value"], curve["linear"], color=COLOURS[1], linestyle="--", linewidth=0.8, label="linear")
        low, high = float(curve["low"].min()), float(curve["high"].max())
        bottom = low - STRIP * (high - low) * 1.3
        step = float(curve["value"].diff().iloc[1])
        axes.bar(
            curve["value"], curve["share"] / curve["share"].max() * STRIP * (high - low), width=step, bottom=bottom,
            color="0.75", linewidth=0, label="words",
        )  # fmt: skip
        axes.set_ylim(bottom, high + 0.05 * (high - low))
        axes.set_xlabel("Surprisal (bits)")
    return axes


def lagged(table: pd.DataFrame, hue: str, *, axes: Axes | None = None) -> Axes:
    """Draw the effect of a predictor at the word and at the words before it, with 95% intervals.

    Parameters
    ----------
    table
        Rows of `psylm.stats.mixed_models.regression.lagged_effects` of one response.
    hue
        Column of what is compared; open markers where the interval holds zero.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; the caller names the response and its unit.

    Examples
    --------
    >>> table = pd.DataFrame({"predictor": "m", "words_back": [0, 1], "estimate": [2.0, 0.1], "low": [1.0, -1.0],
    ...                       "high": [3.0, 1.2]})
    >>> [tick.get_text() for tick in lagged(table, "predictor").get_xticklabels()]
    ['n', 'n − 1']
    """
    names = list(dict.fromkeys(table[hue]))
    with panel(2.0, axes=axes) as axes:
        for number, name in enumerate(names):
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
            for row in table[table[hue] == name].to_dict("records"):
                place = row["words_back"] + (number - (len(names) - 1) / 2) * 0.5 / len(names)
                sure = row["low"] > 0 or row["high"] < 0
                axes.plot([place, place], [row["low"], row["high"]], color=colour, linewidth=1.2)
                axes.plot(place, row["estimate"], marker, color=colour, markerfacecolor=colour if sure else "white")
            axes.plot([], [], marker, color=colour, label=short(str(name)))
        axes.axhline(0, color="0.5", linewidth=0.6, zorder=0)
        back = sorted(set(table["words_back"]))
        axes.set_xticks(back, ["n" if one == 0 else f"n − {one}" for one in back])
        axes.set_xlim(min(back) - 0.5, max(back) + 0.5)
        axes.set_xlabel("Surprisal of word")
    return axes


def gain_by_perplexity(table: pd.DataFrame, *, axes: Axes | None = None) -> Axes:
    """Draw what each predictor adds to held-out log-likelihood over its perplexity, with 95% intervals.

    Parameters
    ----------
    table
        Rows of one response: `predictor`, `kind`, `perplexity`, `delta_log_likelihood`, `low`, `high`.
    axes
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes; perplexity on a logarithmic scale. Filled: models of the run; open: published models and people.

    Examples
    --------
    >>> table = pd.DataFrame({"predictor": ["m"], "kind": ["model"], "perplexity": [60.0],
    ...                       "delta_log_likelihood": [0.02], "low": [0.01], "high": [0.03]})
    >>> gain_by_perplexity(table).get_xscale()
    'log'
    """
    with panel(2.2, axes=axes) as axes:
        for number, row in enumerate(table.to_dict("records")):
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]
            ours = row["kind"] == "model"
            axes.plot([row["perplexity"]] * 2, [row["low"] * NATS, row["high"] * NATS], color=colour, linewidth=0.9)
            axes.plot(
                row["perplexity"], row["delta_log_likelihood"] * NATS, marker, color=colour, linestyle="",
                markersize=6 if ours else 4.5, markerfacecolor=colour if ours else "white",
                label=short(row["predictor"]), zorder=4 if ours else 3,
            )  # fmt: skip
        axes.axhline(0, color="0.5", linewidth=0.6, zorder=0)
        axes.set_xscale("log")
        low, high = axes.get_xlim()
        round_ones = np.array([p * 10**n for n in range(-1, 8) for p in (1, 2, 5)])
        ticks = round_ones[(round_ones >= low) & (round_ones <= high)]
        axes.xaxis.set_major_locator(FixedLocator(list(ticks[:: max(1, len(ticks) // 4)])))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.set_xlabel("Perplexity per word")
    return axes


def in_thousandths(rows: pd.DataFrame) -> pd.DataFrame:
    """Return gains as `forest` takes them, in the unit that they are drawn in."""
    return rows.assign(estimate=rows["delta_log_likelihood"] * NATS, low=rows["low"] * NATS, high=rows["high"] * NATS)


def gain_panels(rows: pd.DataFrame) -> Figure:
    """Draw what each predictor adds to held-out log-likelihood, a panel a response.

    Parameters
    ----------
    rows
        Rows of `psylm.stats.reading.tables.gain_rows` on one kind of words.
    """
    responses = list(dict.fromkeys(rows["response"]))
    height = 0.75 + 0.17 * rows["predictor"].nunique()
    figure, panels = new_figure(DOUBLE if len(responses) > 1 else SINGLE, height, len(responses))
    scaled = in_thousandths(rows).assign(predictor=rows["predictor"].map(short))
    for axes, response in zip(panels, responses, strict=True):
        forest(scaled[(scaled["response"] == response) & scaled["estimate"].notna()], "predictor", axes=axes)
        axes.set_title(response.replace("_", " "))
    figure.supxlabel(GAIN, fontsize=8)
    return figure


def perplexity_panels(rows: pd.DataFrame) -> Figure:
    """Draw what each predictor adds over its perplexity, a panel a response; rows as for `gain_panels`."""
    responses = list(dict.fromkeys(rows["response"]))
    figure, panels = grid(DOUBLE if len(responses) > 1 else SINGLE, 2.0, len(responses), 3)
    for axes, response in zip(panels, responses, strict=True):
        gain_by_perplexity(rows[(rows["response"] == response) & rows["delta_log_likelihood"].notna()], axes=axes)
        axes.set_title(response.replace("_", " "))
    for axes in panels[: -min(3, len(panels))]:
        axes.set_xlabel("")
    figure.supylabel(GAIN, fontsize=8)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 5))
    return figure


def gains_caption(rows: pd.DataFrame, stimuli: str) -> str:
    """State what `gain_panels` drew."""
    return (
        f"What each surprisal adds to the log-likelihood of held-out words, beyond the baseline, {stimuli} "
        f"({rows['words'].iloc[0]}, n = {int(rows['n'].max()):,}, held out in ten folds of "
        f"{rows['held_out'].iloc[0]}), with 95% intervals (BCa bootstrap of {int(rows['groups'].max())} groups); "
        "filled symbols: the interval leaves out zero."
    )


def perplexity_caption(rows: pd.DataFrame, stimuli: str) -> str:
    """State what `perplexity_panels` drew."""
    return (
        f"{gains_caption(rows, stimuli).partition('; filled')[0]}, over the perplexity per word (two to the mean "
        "surprisal) on the same words. Filled: models of this run; open: published models and human cloze."
    )


def draw_gains(gains: pd.DataFrame, stimuli: str) -> dict[str, Drawn]:
    """Draw what predictors add on the words that most of them are compared on: by predictor, and over perplexity.

    Parameters
    ----------
    gains : DataFrame
        Rows of `psylm.stats.reading.tables.gain_rows` of one set.
    stimuli : str
        The set's name.

    Returns
    -------
    dict of Drawn
        `gains-SET`, and `perplexity-SET` where there are several predictors; nothing where no gain was computed.
    """
    rows = gains[gains["words"] == gains["words"].iloc[-1]]
    rows = rows[rows["delta_log_likelihood"].notna()]
    drawn: dict[str, Drawn] = {}
    if len(rows):
        drawn[f"gains-{stimuli}"] = Drawn(gain_panels(rows), gains_caption(rows, stimuli))
        if rows["predictor"].nunique() > 1:
            drawn[f"perplexity-{stimuli}"] = Drawn(perplexity_panels(rows), perplexity_caption(rows, stimuli))
    return drawn
