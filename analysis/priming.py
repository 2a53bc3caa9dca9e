"""Does a related prime help? Surprisal of targets, and the cosine of prime and target, by item.

Needs the measure `similarity` (prime and target are a trial's context and sentence); with `surprisal` of the target,
the priming effect, and whether it goes with the cosine, item by item. For sets whose first factor has two levels,
related first.
"""

from __future__ import annotations

from collections.abc import Iterator

from psylm.figures.drawn import Drawn
from psylm.figures.priming import draw_conditions, draw_items, draw_layers
from psylm.prose.paragraphs import paragraphs
from psylm.prose.priming import effects, items
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.similarity.priming import COSINE, NO_LAYER, SURPRISAL, agreement_rows, effect_rows, priming_effects

REQUIRES = ("similarity",)


def tables(run: Run) -> Tables:
    """Compute the priming effect in each measure and layer, and its agreement with that in surprisal."""
    family = ["model", "stimuli", "measure"]
    return collect(_parts(run), families={"effects": family, "items": family})


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli in run.grid():
        found, about = priming_effects(run, model, stimuli), {"model": model, "stimuli": stimuli}
        yield "effects", about, effect_rows(found)
        yield "items", about, agreement_rows(found, run.seed)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw conditions, the effect in the cosine by layer, and its agreement with the effect in surprisal."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in run.grid():
        found = priming_effects(run, model, stimuli)
        if not found:
            continue
        name, top = f"{stimuli}-{model}", max(layer for _, layer in found)
        factor = next(iter(run.card(stimuli)["factors"].items()))
        for key in ((SURPRISAL, NO_LAYER), (COSINE, top)):
            if key in found:
                drawn[f"{key[0]}-{name}"] = draw_conditions(found[key], factor, key[0], model)
        mine = select(tables, model=model, stimuli=stimuli)
        if len(found) > 2:
            drawn[f"layers-{name}"] = draw_layers(mine["effects"], model)
        if "items" in mine:
            drawn[f"items-{name}"] = draw_items(found, mine["items"], top, model)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in words whether related primes helped; every number comes from the tables."""
    return paragraphs(tables, {"effects": effects, "items": items})
