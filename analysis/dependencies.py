"""Does the model know what depends on what? Margins of minimal pairs, and what an attractor or a gap does to them.

For sets whose column `grammaticality` says which sentence of a pair is the grammatical one. The last factor within
items is what a pair differs in; the others are what pairs differ in. The margin of a pair is the surprisal of the
target in the ungrammatical sentence minus that in the grammatical one, in bits. What another factor does to it, the
number of the attractor say, is that factor's interaction with grammaticality: the attraction effect.
"""

from __future__ import annotations

from collections.abc import Iterator

from psylm.figures.dependencies import draw_margins
from psylm.figures.drawn import Drawn
from psylm.prose.dependencies import effects, margins, people
from psylm.prose.paragraphs import paragraphs
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect
from psylm.stats.conditions.dependencies import anova_rows, dependency_pairs, effect_rows, margin_rows, published_rows
from psylm.stats.conditions.design import contrast_table

REQUIRES = ("surprisal",)


def tables(run: Run) -> Tables:
    """Compute margins, the effects of the other factors on them, the analysis of variance, and all contrasts."""
    by_set = ["model", "stimuli"]
    return collect(_parts(run), families={"contrasts": by_set, "effects": [*by_set, "of"]})


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli in run.grid():
        pairs = dependency_pairs(run, model, stimuli)
        if pairs is None:
            continue
        about, card = {"model": model, "stimuli": stimuli}, run.card(stimuli)
        known = pairs.sentences.dropna(subset=["surprisal"])
        yield "margins", about, margin_rows(pairs)
        yield "effects", about, effect_rows(pairs)
        yield "anova", about, anova_rows(known, [name for name in card["factors"] if name not in card["between"]])
        yield "contrasts", about, contrast_table(known, card["factors"], card["between"], "surprisal")
        yield "people", about, published_rows(card)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw the margin of each condition, for each model and set."""
    found = {(model, stimuli): dependency_pairs(run, model, stimuli) for model, stimuli in run.grid()}
    return {
        f"margins-{model}-{stimuli}": draw_margins(pairs, f"{model} on {stimuli}")
        for (model, stimuli), pairs in found.items()
        if pairs is not None and pairs.factors
    }


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say how large margins are, and what other factors do to them; every number comes from the tables."""
    return paragraphs(tables, {"margins": margins, "effects": effects, "people": people})
