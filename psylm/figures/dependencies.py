"""Figures of margins of minimal pairs in a factorial design."""

from __future__ import annotations

from psylm.figures.conditions import condition_means
from psylm.figures.drawn import Drawn
from psylm.figures.style import DOUBLE, SINGLE, new_figure
from psylm.stats.conditions.pairs import Pairs


def draw_margins(pairs: Pairs, about: str) -> Drawn:
    """Draw the margin of each condition with its items: a panel a group of items.

    Parameters
    ----------
    pairs : Pairs
        Pairs that differ in one factor at least.
    about : str
        The model, and the set: `a model on a set`.
    """
    *outer, x = pairs.factors
    hue = outer[-1] if outer else None
    group = pairs.groups[0] if pairs.groups else None
    levels = list(dict.fromkeys(pairs.table[group])) if group else [""]
    figure, panels = new_figure(DOUBLE if len(levels) > 2 else SINGLE * 1.2, 2.4, len(levels))
    for axes, level in zip(panels, levels, strict=True):
        rows = pairs.table if group is None else pairs.table[pairs.table[group] == level]
        rows = rows.assign(value=rows["margin"])
        groups = pairs.factors[hue] if hue else ()
        condition_means(rows, x, pairs.factors[x], hue=hue, groups=groups, axes=axes)
        axes.axhline(0, color="0.5", linewidth=0.6, linestyle="--", zorder=0)
        axes.set_title(str(level).replace("-", " "))
        axes.set_xlabel(x.replace("_", " "))
    panels[0].set_ylabel("Margin (bits)")
    if hue:
        figure.legend(
            *panels[0].get_legend_handles_labels(), title=hue.replace("_", " "), loc="outside upper center",
            ncols=len(pairs.factors[hue]),
        )  # fmt: skip
    n = f"{pairs.table['item'].nunique()} items"
    if group:
        sizes = pairs.table.drop_duplicates("item")[group].value_counts()
        n = f"{sizes.min()} items a panel ({group.replace('_', ' ')})"
    return Drawn(
        figure,
        f"Margin of {about}: surprisal of the target in the ungrammatical sentence minus that in the "
        f"grammatical one. Large symbols: means of items with 95% intervals (Student's t); small ones: single "
        f"items; below the dashed line the model prefers the ungrammatical sentence. n = {n}.",
    )
