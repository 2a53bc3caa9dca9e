"""Does the model expect what people expect? Conditions, preferences, human cloze, ERPs and reading times.

Needs the measures `surprisal` and `cloze`. Which tables there are depends on what the stimulus sets have: factors
give condition means, contrasts and preferences; human cloze gives correlations; columns with published surprisals a
comparison with other models; amplitudes (microvolts) and reading times (ms) the effect of surprisal on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from psylm.figures.conditions import draw_conditions, draw_contrasts, draw_preference
from psylm.figures.drawn import Drawn
from psylm.figures.human import draw_agreement, draw_calibration, draw_effects, draw_references
from psylm.prose.conditions import anovas, contrasts, means, preference
from psylm.prose.human import calibrations, ceilings, correlations, references
from psylm.prose.paragraphs import Say, paragraphs
from psylm.prose.reading import effects
from psylm.runs.run import Run
from psylm.stats.collect import Part, Rows, Tables, collect, select
from psylm.stats.conditions.design import anova_table, condition_table, contrast_table
from psylm.stats.conditions.frames import frame_preferences
from psylm.stats.conditions.targets import targets
from psylm.stats.human.agreement import human_agreement, reference_agreement, with_human
from psylm.stats.human.respondents import cloze_calibration, noise_ceilings, response_agreement
from psylm.stats.reading.effects import OURS, target_effects

REQUIRES = ("surprisal", "cloze")

MEASURES = ("surprisal", "cloze", "cloze_candidates", "entropy")


def tables(run: Run) -> Tables:
    """Compute every table that the run's stimulus sets allow."""
    by_set = ["model", "stimuli"]
    return collect(_parts(run), families={"contrasts": by_set, "effects": [*by_set, "predictor", "words"]})


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli in run.grid():
        for name, rows in (*_of_conditions(run, model, stimuli), *_of_people(run, model, stimuli)):
            yield name, {"model": model, "stimuli": stimuli}, rows


def _of_conditions(run: Run, model: str, stimuli: str) -> Iterator[tuple[str, Rows]]:
    card, trials = run.card(stimuli), targets(run, model, stimuli)
    factors, between = card["factors"], card["between"]
    if factors:
        yield "conditions", condition_table(trials, factors, MEASURES)
        yield "contrasts", contrast_table(trials, factors, between, "surprisal")
        yield "anova", anova_table(trials, factors, between, "surprisal")
        yield "preference", frame_preferences(trials, card)


def _of_people(run: Run, model: str, stimuli: str) -> Iterator[tuple[str, Rows]]:
    card, trials, human = run.card(stimuli), targets(run, model, stimuli), run.human(stimuli)
    factors = card["factors"]
    if human is not None:
        measured = with_human(trials, human, factors)
        yield "human", human_agreement(measured, run.seed)
        yield "effects", target_effects(measured, card)
        yield "ceiling", noise_ceilings(human, factors, run.seed)
        completions = run.scores(model=model, stimuli=stimuli, measure="cloze", region="completion")
        yield "responses", response_agreement(trials, completions, human, factors, run.seed)
        if "cloze" in card["human"]:
            found = cloze_calibration(measured, human, factors, run.seed)
            yield "calibration", found.table
            yield "calibration-curve", found.curve
    if card["references"]:
        yield "references", reference_agreement(trials, card, run.seed)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw every figure that the tables allow, one for each model and stimulus set."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in run.grid():
        name, mine = f"{stimuli}-{model}", select(tables, model=model, stimuli=stimuli)
        card, trials = run.card(stimuli), targets(run, model, stimuli)
        if card["factors"]:
            drawn[f"conditions-{name}"] = draw_conditions(trials, card, model)
        if "contrasts" in mine:
            drawn[f"contrasts-{name}"] = draw_contrasts(mine["contrasts"], model)
        if "preference" in mine and card["published"]:
            drawn[f"preference-{name}"] = draw_preference(mine["preference"], model)
        human = run.human(stimuli)
        if human is not None and "cloze" in card["human"]:
            measured = with_human(trials, human, card["factors"])
            drawn[f"human-{name}"] = draw_agreement(measured, mine["human"], model)
            drawn[f"calibration-{name}"] = draw_calibration(mine["calibration-curve"], model)
        if "references" in mine:
            drawn[f"references-{name}"] = draw_references(trials, mine["references"], card, model)
        if "effects" in mine:
            drawn[f"effects-{name}"] = draw_effects(mine["effects"], model)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Write the results of each model on each set as an APA paragraph; every number comes from the tables."""
    say: dict[str, Say] = {
        "conditions": partial(means, measure="surprisal", unit="bits"),
        "anova": anovas,
        "contrasts": partial(contrasts, measure="surprisal", unit="bits"),
        "preference": preference,
        "human": correlations,
        "ceiling": ceilings,
        "calibration": calibrations,
        "responses": correlations,
        "references": references,
        "effects": partial(effects, predictor=OURS),
    }
    return paragraphs(tables, say)
