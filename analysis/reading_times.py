"""Does surprisal predict reading times? Gains on held-out words, spillover, the shape of the effect, other models.

Needs the measure `surprisal`, best of all words (`surprisal: {words: all}`), and human measures in ms: on the card a
meaning that ends in `(ms)`; in the human data `item, measure, value`, with `word_id` (the word's number in its item,
from 0) where words of a text were measured, else the item's target is what was. With `subject`, mixed models are of
single observations. Of the items' columns, `sentence_id` says which items are words of the same sentence, and the
card's `references` are published surprisals; human cloze, where there is any, is a predictor too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from psylm.figures.drawn import Drawn
from psylm.figures.reading import draw_gains
from psylm.figures.reading_times import draw_profile, draw_shape, draw_spillover
from psylm.prose.reading import by_response, every_word, gains, lagged_effects, links, models_of, pairs
from psylm.reporting.requirements import Requires
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.reading.observations import observed
from psylm.stats.reading.tables import effect_rows, gain_rows, link_rows, pair_rows, profile_rows, shape_rows

UNIT = "ms"

REQUIRES = Requires(measures=("surprisal",), unit=UNIT)

SPILLOVER = 2
"""Words before that have a part in a word's reading time."""


def tables(run: Run) -> Tables:
    """Compute gains, comparisons of predictors and of links, smooth effects, mixed-model effects, and profiles."""
    return collect(_parts(run), families={"effects": ["stimuli", "words", "predictor"]})


def _parts(run: Run) -> Iterator[Part]:
    for stimuli, found in observed(run, unit=UNIT, spillover=SPILLOVER).items():
        about = {"stimuli": stimuli}
        yield "gains", about, gain_rows(found, run.seed)
        yield "pairs", about, pair_rows(found, run.seed)
        yield "links", about, link_rows(found, run.seed)
        yield "shape", about, shape_rows(found)
        yield "effects", about, effect_rows(found)
        yield "profile", about, profile_rows(found)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw gains by predictor and over perplexity, spillover, and profiles of each set; the shape for each model."""
    drawn: dict[str, Drawn] = {}
    for stimuli in dict.fromkeys(tables["gains"]["stimuli"]):
        mine = select(tables, stimuli=stimuli)
        drawn |= draw_gains(mine["gains"], stimuli)
        if "effects" in mine and mine["effects"]["estimate"].notna().any():
            drawn[f"spillover-{stimuli}"] = draw_spillover(mine["effects"], stimuli)
        if "profile" in mine:
            drawn[f"profile-{stimuli}"] = draw_profile(mine["profile"], stimuli)
        for model, curves in mine["shape"].groupby("predictor", sort=False) if "shape" in mine else ():
            by_link = mine["links"][mine["links"]["predictor"] == model]
            drawn[f"shape-{model}-{stimuli}"] = draw_shape(curves, by_link, str(model), stimuli)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Write the results of each model on each set as an APA paragraph; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    for stimuli, model in models_of(tables["gains"]):
        of_set = select(tables, stimuli=stimuli)
        mine = select({name: of_set[name] for name in ("gains", "effects", "links") if name in of_set}, predictor=model)
        sentences = said[f"{model} on {stimuli}"] = list(gains(every_word(mine["gains"])))
        if "effects" in mine:
            sentences += lagged_effects(every_word(mine["effects"]), UNIT)
        if "links" in mine:
            sentences += by_response(links, mine["links"])
        if "pairs" in of_set:
            sentences += by_response(partial(pairs, model=model), of_set["pairs"])
    return said
