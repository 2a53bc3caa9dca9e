"""Does surprisal predict the N400 and other ERP components? Effects by component, gains on held-out words, conditions.

Needs the measure `surprisal` and human measures in microvolts: on the card a meaning that ends in `(microvolts)`; in
the human data `item, measure, value`, with `word_id` (the word's number in its item, from 0) where it was not the
item's target that was measured, and `subject` for single subjects' amplitudes. Of the items' columns, `sentence_id`
says which items are words of the same sentence, and the card's `references` are published surprisals; human cloze,
where there is any, is a predictor too. A set with factors gives contrasts of amplitudes and of surprisal.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from psylm.figures.drawn import Drawn
from psylm.figures.reading import draw_gains
from psylm.figures.reading_erps import draw_components, draw_conditions
from psylm.prose.conditions import contrasts
from psylm.prose.reading import by_response, every_word, gains, lagged_effects, models_of, pairs
from psylm.reporting.requirements import Requires
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.reading.conditions import OF_MODEL, by_condition, condition_rows, contrast_rows
from psylm.stats.reading.observations import observed
from psylm.stats.reading.tables import effect_rows, gain_rows, pair_rows

UNIT = "microvolts"

REQUIRES = Requires(measures=("surprisal",), unit=UNIT)

SPILLOVER = 0
"""An amplitude is time-locked to its own word."""


def tables(run: Run) -> Tables:
    """Compute mixed-model effects, gains and comparisons of predictors, and contrasts between conditions."""
    families = {"effects": ["stimuli", "words", "predictor"], "contrasts": ["stimuli", "measure"]}
    return collect(_parts(run), families=families)


def _parts(run: Run) -> Iterator[Part]:
    for stimuli, found in observed(run, unit=UNIT, spillover=SPILLOVER).items():
        about, card = {"stimuli": stimuli}, run.card(stimuli)
        yield "effects", about, effect_rows(found)
        yield "gains", about, gain_rows(found, run.seed)
        yield "pairs", about, pair_rows(found, run.seed)
        yield "conditions", about, condition_rows(found, card)
        yield "contrasts", about, contrast_rows(found, card)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw effects by component, gains by predictor and over perplexity, and amplitudes by condition."""
    drawn: dict[str, Drawn] = {}
    for stimuli in dict.fromkeys(tables["gains"]["stimuli"]):
        mine = select(tables, stimuli=stimuli)
        if "effects" in mine and mine["effects"]["estimate"].notna().any():
            drawn[f"components-{stimuli}"] = draw_components(mine["effects"], stimuli)
        drawn |= draw_gains(mine["gains"], stimuli)
        if "conditions" in mine:
            card, found = run.card(stimuli), observed(run, unit=UNIT, spillover=SPILLOVER)[stimuli]
            drawn[f"conditions-{stimuli}"] = draw_conditions(*by_condition(found, card), card["factors"], stimuli)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Write the results of each model on each set as an APA paragraph; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    for stimuli, model in models_of(tables["gains"]):
        of_set = select(tables, stimuli=stimuli)
        mine = select({name: of_set[name] for name in ("gains", "effects") if name in of_set}, predictor=model)
        every = every_word(mine["gains"])
        sentences = said[f"{model} on {stimuli}"] = list(gains(every))
        if "effects" in mine:
            sentences += lagged_effects(every_word(mine["effects"]), "µV")
        if "pairs" in of_set:
            sentences += by_response(partial(pairs, model=model), of_set["pairs"])
        if "contrasts" in of_set:
            table = of_set["contrasts"]
            for measure in [*dict.fromkeys(every["response"]), f"{OF_MODEL}{model}"]:
                unit = "bits" if measure.startswith(OF_MODEL) else "µV"
                sentences += contrasts(table[table["measure"] == measure], measure, unit)
    return said
