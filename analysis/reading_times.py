"""Does surprisal predict reading times? Gains on held-out words, spillover, the shape of the effect, other models.

Needs the measure `surprisal`, best of all words (`surprisal: {words: all}`), and human measures in ms: on the card a
meaning that ends in `(ms)`; in the human data `item, measure, value`, with `word_id` (the word's number in its item,
from 0) where words of a text were measured, else the item's target is what was. With `subject`, mixed models are of
single observations. Of the items' columns, `sentence_id` says which items are words of the same sentence, and the
card's `references` are published surprisals; human cloze, where there is any, is a predictor too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from psylm.figures.forest import forest
from psylm.figures.reading import (
    GAIN,
    gain_panels,
    gains_caption,
    grid,
    in_thousandths,
    lagged,
    perplexity_caption,
    perplexity_panels,
    profile,
    smooth_curve,
)
from psylm.figures.style import DOUBLE, SINGLE
from psylm.prose.reading import gains, lagged_effects, links, pairs
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.reading.observations import observed
from psylm.stats.reading.tables import (
    ALL,
    effect_rows,
    gain_rows,
    link_rows,
    pair_rows,
    profile_rows,
    shape_rows,
    tables_of,
)

REQUIRES = ("surprisal",)

UNIT = "ms"

SPILLOVER = 2
"""Words before that have a part in a word's reading time."""


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute gains, comparisons of predictors and of links, smooth effects, mixed-model effects, and profiles."""
    seed = run.manifest["seed"]
    return tables_of(
        {
            stimuli: {
                "gains": gain_rows(found, seed),
                "pairs": pair_rows(found, seed),
                "links": link_rows(found, seed),
                "shape": shape_rows(found),
                "effects": effect_rows(found),
                "profile": profile_rows(found),
            }
            for stimuli, found in observed(run, unit=UNIT, spillover=SPILLOVER).items()
        }
    )


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw gains by predictor and over perplexity, spillover, and profiles of each set; the shape for each model."""
    drawn: dict[str, Drawn] = {}
    for stimuli in dict.fromkeys(tables["gains"]["stimuli"]):
        mine = {name: table[table["stimuli"] == stimuli] for name, table in tables.items()}
        drawn |= {f"{name}-{stimuli}": one for name, one in _of_set(mine, stimuli)}
    return drawn


def _of_set(tables: dict[str, pd.DataFrame], stimuli: str) -> Iterator[tuple[str, Drawn]]:
    compared = tables["gains"][tables["gains"]["words"] == tables["gains"]["words"].iloc[-1]]
    compared = compared[compared["delta_log_likelihood"].notna()]
    if len(compared):
        yield "gains", Drawn(gain_panels(compared), gains_caption(compared, stimuli))
        if compared["predictor"].nunique() > 1:
            yield "perplexity", Drawn(perplexity_panels(compared), perplexity_caption(compared, stimuli))
    if len(tables.get("effects", [])) and tables["effects"]["estimate"].notna().any():
        yield "spillover", _spillover(tables["effects"], stimuli)
    if len(tables.get("profile", [])):
        yield "profile", _profile(tables["profile"], stimuli)
    if len(tables.get("shape", [])):
        for model, curves in tables["shape"].groupby("predictor", sort=False):
            link = tables["links"][tables["links"]["predictor"] == model]
            yield f"shape-{model}", _shape(curves, link, str(model), stimuli)


def _spillover(effects: pd.DataFrame, stimuli: str) -> Drawn:
    rows = effects[(effects["words"] == ALL) & effects["estimate"].notna()]
    responses = list(dict.fromkeys(rows["response"]))
    figure, panels = grid(DOUBLE if len(responses) > 1 else SINGLE, 1.9, len(responses), 3)
    for axes, response in zip(panels, responses, strict=True):
        lagged(rows[rows["response"] == response], "predictor", axes=axes).set_title(response.replace("_", " "))
    figure.supylabel("Effect of one bit (ms)", fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return Drawn(
        figure,
        f"Effect of the surprisal of a word, and of the words before it, on its reading time, {stimuli}: coefficients "
        f"of linear mixed models with random intercepts ({rows['random'].iloc[0]}), with 95% intervals "
        f"(Satterthwaite); filled symbols: the interval leaves out zero. n = {int(rows['n'].max()):,} words.",
    )


def _profile(rows: pd.DataFrame, stimuli: str) -> Drawn:
    responses = list(dict.fromkeys(rows.loc[rows["kind"] == "response", "measure"]))
    figure, panels = grid(DOUBLE, 1.9, len(responses) + 1, min(3, len(responses) + 1))
    for axes, response in zip(panels, responses, strict=False):
        profile(rows[rows["measure"] == response], "measure", axes=axes)
        axes.set_title(response.replace("_", " "))
        axes.set_ylabel("Reading time (ms)")
    profile(rows[rows["kind"] == "predictor"], "measure", axes=panels[-1]).set_title("surprisal")
    panels[-1].set_ylabel("Surprisal (bits)")
    figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside upper center", ncols=3, title="surprisal")
    for axes in panels:
        axes.set_xlabel("Word of the sentence (from 0)")
    return Drawn(
        figure,
        f"Reading time and surprisal by position in the sentence, {stimuli}: means of the words at a position, with "
        f"95% intervals (Student's t). n = {int(rows['n'].min()):,} to {int(rows['n'].max()):,} words a position.",
    )


def _shape(curves: pd.DataFrame, link: pd.DataFrame, model: str, stimuli: str) -> Drawn:
    responses = list(dict.fromkeys(curves["response"]))
    figure, panels = grid(DOUBLE, 2.0, 2 * len(responses), len(responses) if len(responses) > 1 else 2)
    for axes, response in zip(panels, responses, strict=False):
        smooth_curve(curves[curves["response"] == response], axes=axes).set_title(response.replace("_", " "))
    panels[0].set_ylabel("Effect (ms)")
    rows = in_thousandths(link)
    for number, (axes, response) in enumerate(zip(panels[len(responses) :], responses, strict=True)):
        forest(rows[rows["response"] == response], "link", axes=axes)
        axes.tick_params(labelleft=number == 0)
    if len(responses) == 1:
        panels[-1].set_xlabel(GAIN)
    else:
        figure.supxlabel(GAIN, fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return Drawn(
        figure,
        f"Shape of the effect of a word's surprisal on its reading time, {model} on {stimuli}. Curves: natural cubic "
        "splines beyond the baseline and the surprisal of the words before, from their mean, with pointwise 95% "
        f"intervals (robust to dependence within {int(curves['groups'].max())} groups), n = {int(curves['n'].max()):,} "
        "words, grey: where they lie. Below: held-out gain in log-likelihood by shape of the effect, with 95% BCa "
        "intervals by groups.",
    )


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Write the results of each model on each set as an APA paragraph; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    ours = tables["gains"][(tables["gains"]["kind"] == "model") & (tables["gains"]["words"] == ALL)]
    for (stimuli, model), rows in ours.groupby(["stimuli", "predictor"], sort=False):
        mine = {name: table[table["stimuli"] == stimuli] for name, table in tables.items()}
        by_model = {name: mine[name][mine[name]["predictor"] == model] for name in ("effects", "links") if name in mine}
        sentences = list(gains(rows))
        if "effects" in by_model:
            sentences += lagged_effects(by_model["effects"][by_model["effects"]["words"] == ALL], UNIT)
        if "links" in by_model:
            for _, response in by_model["links"].groupby("response", sort=False):
                sentences += links(response)
        if "pairs" in mine:
            for _, response in mine["pairs"].groupby("response", sort=False):
                sentences += pairs(response, str(model))
        said[f"{model} on {stimuli}"] = sentences
    return said
