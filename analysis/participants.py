"""How much do simulated participants differ, and does each show the effect? Crossed random effects of both.

For runs over models that differ by their seeds: thinned networks, dropout, noise, or several seeds of a training. Each
stimulus set with a factor of two levels gives an effect (the second level minus the first) for every participant, and a
linear mixed model with crossed random effects.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from psylm.common.errors import InputError
from psylm.figures.drawn import Drawn
from psylm.figures.participants import draw_effects
from psylm.prose.apa import interval, number, p_value, sentence, statistic
from psylm.reporting.requirements import Requires
from psylm.runs.run import Run
from psylm.stats.collect import Tables, groups
from psylm.stats.inference.intervals import mean_interval
from psylm.stats.lesions.participants import participants
from psylm.stats.mixed_models.maximal import fit_maximal

REQUIRES = Requires(measures=("surprisal",), items=2)

KEYS = ["group", "stimuli"]


def tables(run: Run) -> Tables:
    """Compute each participant's effect, the mixed model's effect, and the components of variance."""
    data = participants(run)
    effects: list[dict[Any, Any]] = []
    models: list[dict[Any, Any]] = []
    components: list[dict[Any, Any]] = []
    for key, rows in groups(data, KEYS):
        about = dict(zip(KEYS, key, strict=True))
        factors = run.card(about["stimuli"])["factors"]
        for factor, levels in factors.items():
            if len(levels) != 2:
                continue
            coded = rows.assign(effect=rows[factor].map({levels[0]: -0.5, levels[1]: 0.5}).astype(float))
            about |= {"contrast": f"{levels[1]} − {levels[0]}"}
            effects += [about | row for row in _by_subject(coded)]
            try:
                fit = fit_maximal(coded, "value ~ effect", {"subject": ["effect"], "item": ["effect"]})
            except InputError as error:  # one item, or participants that are all the same
                models.append(about | {"term": "effect", "estimate": math.nan, "note": str(error)})
                continue
            row = fit.fixed[fit.fixed["term"] == "effect"].to_dict("records")[0]
            models.append(
                about | row | {"formula": fit.formula, "note": fit.note, "n": fit.n, "subjects": fit.groups["subject"],
                               "items": fit.groups["item"]}
            )  # fmt: skip
            own = fit.variances[fit.variances["with"] == ""]
            components += [
                about
                | {"grouping": one["group"], "term": one["term"], "variance": one["value"], "sd": one["value"] ** 0.5}
                for one in own.to_dict("records")
            ]
    return {"effects": pd.DataFrame(effects), "models": pd.DataFrame(models), "components": pd.DataFrame(components)}


def _by_subject(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield each participant's mean effect, with its interval over items."""
    for subject, mine in rows.groupby("subject", sort=False):
        wide = mine.pivot_table(index="item", columns="effect", values="value")
        estimate, low, high = mean_interval(wide[0.5] - wide[-0.5])
        yield {"subject": subject, "estimate": estimate, "low": low, "high": high, "n": len(wide)}


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw the effect of every participant, a panel a group."""
    grouped = tables["effects"].groupby(["stimuli", "contrast"], sort=False)
    return {f"effects-{stimuli}": draw_effects(rows) for (stimuli, _), rows in grouped}


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in words what participants have in common and how they differ; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    components = tables["components"].fillna({"term": ""})
    for row in tables["models"].to_dict("records"):
        if math.isnan(row["estimate"]):
            said.setdefault(row["group"], []).append(
                f"{row['stimuli']}, {row['contrast']}: no mixed model was fitted ({row['note']})."
            )
            continue
        mine = components[
            (components[[*KEYS, "contrast"]] == [row["group"], row["stimuli"], row["contrast"]]).all(axis=1)
        ]
        sds = {(one["grouping"], one["term"]): one["sd"] for one in mine.to_dict("records")}
        effects = tables["effects"]
        own = effects[(effects["group"] == row["group"]) & (effects["stimuli"] == row["stimuli"])]
        same = int(((own["estimate"] > 0) == (row["estimate"] > 0)).sum())
        spread = {key: number(sds.get(key, 0.0)) for key in product(("subject", "item"), ("(Intercept)", "effect"))}
        said.setdefault(row["group"], []).append(
            sentence(
                f"{row['stimuli']}, {row['contrast']}: {number(row['estimate'])} bits, "
                f"{interval(row['low'], row['high'])}, {statistic('t', row['statistic'], row['df'])}, "
                f"{p_value(row['p'])}, in {row['subjects']} participants and {row['items']} items; {same} participants "
                "show it in that direction. Between participants, SD = "
                f"{spread['subject', '(Intercept)']} bits of means and {spread['subject', 'effect']} of effects; "
                f"between items, {spread['item', '(Intercept)']} and {spread['item', 'effect']}; residual "
                f"{number(sds[('residual', '')])} ({row['formula']})"
            )
        )
    return said
