"""What attention selects in minimal pairs, by layer and head, and whether it goes with what the model does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from psylm.runs.run import Run
from psylm.stats.attention.heads import HeldOut, best_head, head_tests, nanmean
from psylm.stats.attention.linking import covariances, links, mediated
from psylm.stats.conditions.pairs import Pairs, main_effects, pair_up
from psylm.stats.inference.correlation import correlation
from psylm.stats.inference.intervals import mean_interval, paired_contrast

KINDS = ("weights", "rollout", "flow", "norm", "gradient", "integrated_gradients")
"""What is taken for attention, in the order in which it is shown."""

BEST = "weights, best head"
"""How tables call the head that is chosen on other items."""

FEWEST = 5
"""Items that a head is chosen by, at least."""

SELECTIVITY = "attention_selectivity"

MEASURES = {SELECTIVITY: "weights"} | {f"{SELECTIVITY}_{kind}": kind for kind in KINDS[1:]}
"""Measures and arrays, and the kind of attention that they are of."""


@dataclass(frozen=True)
class Looks:
    """What one model attended to in the minimal pairs of one set.

    Parameters
    ----------
    pairs
        With a column for the selectivity of each kind of attention, averaged over layers and heads.
    by_head
        Of each kind, selectivity [pairs, layers, heads], in the order of the pairs, where there is one.
    """

    pairs: Pairs
    by_head: dict[str, np.ndarray]

    @property
    def items(self) -> list[str]:
        """The item of each pair."""
        return [str(item) for item in self.pairs.table["item"]]

    @property
    def kinds(self) -> list[str]:
        """The kinds of attention that the run has."""
        return [kind for kind in KINDS if kind in self.pairs.table]

    @cached_property
    def best(self) -> HeldOut | None:
        """The most selective head, for each item chosen on others; None with one head or few items."""
        values = self.by_head.get("weights")
        if values is None or values[0].size < 2 or len(set(self.items)) < FEWEST:
            return None
        return best_head(values, self.items)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The table of pairs, with the selectivity of the best head in the column `best`, where there is one."""
        if self.best is None:
            return self.pairs.table
        chosen = self.best.items.astype({"item": str}).set_index("item").loc[self.items]
        places = np.arange(len(self.items)), chosen["layer"].to_numpy(), chosen["head"].to_numpy()
        return self.pairs.table.assign(best=self.by_head["weights"][places])


def by_pair(pairs: Pairs, trials: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Average an array of sentences over the two of each pair.

    Parameters
    ----------
    pairs
        The pairs.
    trials
        `item` and `condition` of each sentence.
    values
        Of each sentence [sentences, ...]; NaN are left out.

    Returns
    -------
    ndarray
        Of each pair, in order [pairs, ...].
    """
    place = pairs.table[pairs.keys].assign(pair=range(len(pairs.table)))
    sentences = pairs.sentences[["item", "condition", *pairs.factors]].merge(place, on=pairs.keys)
    pair = trials.merge(sentences, on=["item", "condition"], how="left")["pair"].to_numpy()
    return np.stack([nanmean(values[pair == one].astype(float), 0) for one in range(len(place))])


def selectivity_rows(looks: Looks) -> Iterator[dict[str, Any]]:
    """Test selectivity against 0: that of all heads, and that of the best one on items that it was not chosen by.

    `best_layer` and `best_head` are the head that most folds chose, and `agreement` is the share of the folds that did.
    """
    for kind in looks.kinds:
        by_item = looks.table.groupby("item", sort=False)[kind].mean()
        yield {"kind": kind, "heads": "all"} | asdict(paired_contrast(by_item))
    if looks.best is not None:
        layer, head = looks.best.chosen.value_counts(["layer", "head"]).index[0]
        about = {"best_layer": layer, "best_head": head, "agreement": looks.best.agreement}
        yield {"kind": "weights", "heads": "best"} | asdict(looks.best.result) | about


def effect_rows(looks: Looks) -> Iterator[dict[str, Any]]:
    """Give what each factor does to selectivity; positions alone do nothing where a factor does not move words."""
    columns = {kind: kind for kind in looks.kinds} | ({} if looks.best is None else {BEST: "best"})
    for name, column in columns.items():
        for row in main_effects(looks.table, looks.pairs.factors, column):
            yield {"kind": name} | row


def layer_rows(looks: Looks) -> Iterator[dict[str, Any]]:
    """Give the mean selectivity of each layer's heads, with its 95% interval over items."""
    for kind, values in looks.by_head.items():
        for layer, of_pairs in enumerate(nanmean(values, 2).T):
            by_item = pd.Series(of_pairs).groupby(looks.items).mean()
            mean, low, high = mean_interval(by_item)
            n = int(by_item.notna().sum())
            yield {"kind": kind, "layer": layer, "estimate": mean, "low": low, "high": high, "n": n}


def head_rows(looks: Looks) -> Iterator[dict[str, Any]]:
    """Test the selectivity of each head, and its correlation `link` with the margin within conditions.

    `p_max` and `link_p_max` are corrected for all heads; see `psylm.stats.attention.heads.head_tests`.
    """
    values = looks.by_head.get("weights")
    if values is None or values[0].size < 2 or len(set(looks.items)) < FEWEST:
        return
    own = head_tests(values, looks.items)
    with_margin = covariances(values, looks.table["margin"].tolist(), looks.pairs.cells)
    link = head_tests(with_margin, looks.items)[["estimate", "p", "p_max"]].add_prefix("link_")
    for row in own.join(link.rename(columns={"link_estimate": "link"})).to_dict("records"):
        yield {str(key): value for key, value in row.items()}


def link_rows(looks: Looks) -> Iterator[dict[str, Any]]:
    """Regress the margin on selectivity, as `psylm.stats.attention.linking.links` does."""
    predictors = {f"{kind}, all heads" if kind in looks.by_head else kind: kind for kind in looks.kinds}
    if looks.best is not None:
        predictors[BEST] = "best"
    if len(set(looks.items)) >= FEWEST:
        yield from links(
            looks.table, "margin", predictors, cells=list(looks.pairs.factors), groups=looks.pairs.groups[:1]
        )


def kind_rows(looks: Looks, seed: int) -> Iterator[dict[str, Any]]:
    """Correlate the kinds of attention over items (Spearman)."""
    means = looks.table.groupby("item", sort=False)[looks.kinds].mean()
    for first, second in combinations(looks.kinds, 2):
        found = asdict(correlation(means[first], means[second], kind="spearman", seed=seed))
        yield {"kind": first, "with": second, "estimate": found.pop("r")} | found


def mediation_rows(looks: Looks, seed: int) -> Iterator[dict[str, Any]]:
    """Give how much of each factor's effect on the margin goes with selectivity; see `linking.mediated`."""
    predictors = {kind: kind for kind in looks.kinds} | ({} if looks.best is None else {BEST: "best"})
    for (name, column), (factor, levels) in product(predictors.items(), looks.pairs.factors.items()):
        table = looks.table.dropna(subset=[column])
        if table["item"].nunique() < FEWEST or not table[column].std() > 0:
            continue
        cells = pd.Series(looks.pairs.cells, index=looks.table.index).loc[table.index].tolist()
        for first, second in combinations(levels, 2):
            found = mediated(table, "margin", column, factor, (first, second), cells, seed=seed)
            yield {"predictor": name, "factor": factor, "contrast": f"{first} − {second}"} | found


def looks_of(run: Run, model: str, stimuli: str) -> Looks | None:
    """Bring margins and selectivity of the same pairs together; None where there are no pairs."""
    card = run.card(stimuli)
    mine = run.scores(model=model, stimuli=stimuli, measure=["surprisal", *MEASURES])
    mine = mine[(mine["measure"] != "surprisal") | (mine["region"] == "target")]
    scores = mine.pivot_table(index=["item", "condition"], columns="measure", values="value", sort=False)
    if not {SELECTIVITY, "surprisal"} <= set(scores):
        return None
    scores = scores.rename(columns=MEASURES).rename_axis(columns=None).reset_index()
    pairs = pair_up(run.items(stimuli), card["factors"], card["between"], scores)
    if pairs is None:
        return None
    there = set(run.array_names())
    arrays = {kind: run.stacked(name, model=model, stimuli=stimuli) for name, kind in MEASURES.items() if name in there}
    return Looks(pairs, {kind: by_pair(pairs, *found) for kind, found in arrays.items() if found[1].ndim == 3})
