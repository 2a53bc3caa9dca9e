"""How much a related prime helps, item by item: in the cosine of prime and target, and in surprisal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from psylm.runs.run import Run
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.intervals import paired_contrast, proportion_interval

COSINE, SURPRISAL = "cosine", "surprisal"

NO_LAYER = -2
"""What stands for the layer of surprisal, which has none."""


Effects = dict[tuple[str, int], pd.DataFrame]
"""For a measure and a layer, a row an item: `item`, `target`, the value in each condition, and `effect`."""


def priming_effects(run: Run, model: str, stimuli: str) -> Effects:
    """Return how much a related prime helps each item, for each measure and layer.

    Parameters
    ----------
    run : Run
        With the measure `similarity`, and `surprisal` where that is wanted too.
    model, stimuli : str
        Whose effects; the set's first factor has two levels, related first.

    Returns
    -------
    dict of DataFrame
        The effect is related minus unrelated of the cosine, unrelated minus related of surprisal. Empty for sets
        without such a factor.
    """
    factors = run.card(stimuli)["factors"]
    factor = next(iter(factors), "")
    if len(factors.get(factor, ())) != 2:
        return {}
    related, unrelated = factors[factor]
    items = run.items(stimuli)
    cosines = run.scores(model=model, stimuli=stimuli, measure="similarity")
    costs = run.scores(model=model, stimuli=stimuli, measure=SURPRISAL, region="target")
    found: Effects = {}
    parts = [((COSINE, int(rows["word_id"].iloc[0])), rows, 1) for _, rows in cosines.groupby("word_id")]
    parts += [((SURPRISAL, NO_LAYER), costs, -1)] if len(costs) else []
    for key, rows, sign in parts:
        joined = items.merge(rows[["item", "condition", "value"]], on=["item", "condition"])
        wide = joined.pivot_table(index=["item", "target"], columns=factor, values="value", sort=False).reset_index()
        found[key] = wide.assign(effect=sign * (wide[related] - wide[unrelated]))
    return found


def effect_rows(found: Effects) -> Iterator[dict[str, Any]]:
    """Test the mean effect in each measure and layer over items, and give the share of items that a prime helps."""
    for (measure, layer), rows in found.items():
        effect = rows["effect"]
        share, low, high = proportion_interval(float((effect > 0).sum() + (effect == 0).sum() / 2), len(effect))
        shares = {"items_helped": share, "items_low": low, "items_high": high}
        yield {"measure": measure, "layer": layer} | asdict(paired_contrast(effect)) | shares


def agreement_rows(found: Effects, seed: int) -> Iterator[dict[str, Any]]:
    """Correlate the effect in the cosine of each layer with that in surprisal over items (Spearman)."""
    if (SURPRISAL, NO_LAYER) not in found:
        return
    for (measure, layer), rows in found.items():
        if measure == COSINE:
            both = rows.merge(found[SURPRISAL, NO_LAYER], on="item")
            one = correlation(both["effect_x"], both["effect_y"], kind="spearman", seed=seed)
            yield {"measure": measure, "layer": layer, "with": "the priming effect in surprisal"} | {
                "coefficient": "spearman", "estimate": one.r, "low": one.low, "high": one.high, "p": one.p,
                "p_permutation": one.p_permutation, "n": one.n,
            }  # fmt: skip
