"""Does the model expect what people expect? Conditions, preferences, human cloze, ERPs and reading times.

Needs the measures `surprisal` and `cloze`. Which tables there are depends on what the stimulus sets have: factors
give condition means, contrasts and preferences; human cloze gives correlations; columns with published surprisals a
comparison with other models; amplitudes (microvolts) and reading times (ms) the effect of surprisal on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from psylm.figures.calibration import calibration, calibration_caption
from psylm.figures.conditions import condition_means
from psylm.figures.forest import forest, proportions
from psylm.figures.scatter import agreement
from psylm.figures.style import DOUBLE, SINGLE, new_figure
from psylm.prose.apa import count, listing, percent, share
from psylm.prose.human import calibrations, ceilings
from psylm.prose.results import anovas, contrasts, correlations, effects, means, references
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.conditions.design import anova_table, condition_table, contrast_table
from psylm.stats.conditions.frames import frame_preferences
from psylm.stats.human.agreement import (
    OURS,
    PEOPLE,
    human_agreement,
    processing_effects,
    reference_agreement,
    with_human,
)
from psylm.stats.human.norms import cloze_calibration, noise_ceilings, response_agreement
from psylm.stats.inference.correlation import Correlation, log_odds
from psylm.stats.inference.multiple import adjusted

REQUIRES = ("surprisal", "cloze")

MEASURES = ("surprisal", "cloze", "cloze_candidates", "entropy")


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute every table that the run's stimulus sets allow."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model, stimuli in product(run.model_names, run.stimulus_names):
        trials = targets(run, model, stimuli)
        for name, rows in _tables_of(run, model, stimuli, trials):
            found.setdefault(name, []).extend({"model": model, "stimuli": stimuli} | row for row in rows)
    result = {name: pd.DataFrame(rows) for name, rows in found.items() if rows}
    for name in ("contrasts", "effects"):
        if name in result:
            family = ["model", "stimuli"] if name == "contrasts" else ["model", "stimuli", "predictor", "words"]
            result[name]["p_holm"] = result[name].groupby(family, sort=False)["p"].transform(adjusted)
    return result


def targets(run: Run, model: str, stimuli: str) -> pd.DataFrame:
    """Return a row for each item and condition: the set's columns, and a column for each measure of the target."""
    results = run.results
    rows = results[(results["model"] == model) & (results["stimuli"] == stimuli) & (results["region"] == "target")]
    wide = rows.pivot_table(
        index=["item", "condition"], columns="measure", values="value", aggfunc="first", dropna=False
    )
    items = run.items(stimuli).astype({"item": "string", "condition": "string"})
    return items.merge(wide.reset_index(), on=["item", "condition"], how="inner")


def completions_of(run: Run, model: str, stimuli: str) -> pd.DataFrame:
    """Return the model's own completions of each item and condition: `word`, and its probability as `value`."""
    rows = run.results
    rows = rows[(rows["model"] == model) & (rows["stimuli"] == stimuli) & (rows["region"] == "completion")]
    return rows[rows["measure"] == "cloze"]


def _tables_of(run: Run, model: str, stimuli: str, trials: pd.DataFrame) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    card, seed = run.card(stimuli), run.manifest["seed"]
    if card["factors"]:
        yield "conditions", list(condition_table(trials, card["factors"], MEASURES))
        yield "contrasts", list(contrast_table(trials, card["factors"], card["between"], "surprisal"))
        yield "anova", list(anova_table(trials, card["factors"], card["between"], "surprisal"))
        yield "preference", list(frame_preferences(trials, card))
    human = run.human(stimuli)
    if human is not None:
        measured = with_human(trials, human, card["factors"])
        yield "human", list(human_agreement(measured, seed))
        yield "effects", list(processing_effects(measured, card))
        yield "ceiling", list(noise_ceilings(human, card["factors"], seed))
        completions = completions_of(run, model, stimuli)
        yield "responses", list(response_agreement(trials, completions, human, card["factors"], seed))
        if "cloze" in card["human"]:
            found = cloze_calibration(measured, human, card["factors"], seed)
            yield "calibration", found.table.to_dict("records")
            yield "calibration-curve", found.curve.to_dict("records")
    if card["references"]:
        yield "references", list(reference_agreement(trials, card, seed))


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw every figure that the tables allow, one for each model and stimulus set."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in product(run.model_names, run.stimulus_names):
        name = f"{stimuli}-{model}"
        mine = {key: table[(table["model"] == model) & (table["stimuli"] == stimuli)] for key, table in tables.items()}
        card, trials = run.card(stimuli), targets(run, model, stimuli)
        if card["factors"]:
            drawn[f"conditions-{name}"] = _draw_conditions(trials, card, model)
        if len(mine.get("contrasts", [])):
            drawn[f"contrasts-{name}"] = _draw_contrasts(mine["contrasts"], model)
        if len(mine.get("preference", [])) and card["published"]:
            drawn[f"preference-{name}"] = _draw_preference(mine["preference"], model)
        human = run.human(stimuli)
        if human is not None and "cloze" in card["human"]:
            measured = with_human(trials, human, card["factors"])
            drawn[f"human-{name}"] = _draw_human(measured, mine["human"], model)
            drawn[f"calibration-{name}"] = _draw_calibration(mine["calibration-curve"], model)
        if len(mine.get("references", [])):
            drawn[f"references-{name}"] = _draw_references(trials, mine["references"], card, model)
        if len(mine.get("effects", [])):
            drawn[f"effects-{name}"] = _draw_effects(mine["effects"], model)
    return drawn


def _draw_conditions(trials: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
    *outer, x = card["factors"]
    hue = outer[-1] if outer else None
    facets = list(product(*(card["factors"][name] for name in outer[:-1])))
    figure, panels = new_figure(SINGLE if len(facets) == 1 else DOUBLE, 2.5, len(facets))
    for panel, levels in zip(panels, facets, strict=True):
        keep = np.logical_and.reduce(
            [np.ones(len(trials), bool), *(trials[f] == v for f, v in zip(outer[:-1], levels, strict=True))]
        )
        rows = trials[keep].assign(value=trials["surprisal"])
        condition_means(rows, x, card["factors"][x], hue=hue, groups=card["factors"][hue] if hue else (), axes=panel)
        panel.set_xlabel(x.replace("_", " "))
        panel.set_title(", ".join(levels))
    panels[0].set_ylabel("Surprisal of the target (bits)")
    panels[0].set_ylim(bottom=0)
    if hue:
        panels[-1].legend(title=hue.replace("_", " "), loc="best")
    n = trials["item"].nunique()
    between = "" if not card["between"] else f" ({', '.join(card['between'])} between items)"
    return Drawn(
        figure,
        f"Surprisal of the target word by condition, {model}. Large symbols: means of items with 95% intervals "
        f"(Student's t); small ones: single items. n = {n} items{between}.",
    )


def _draw_contrasts(contrasts: pd.DataFrame, model: str) -> Drawn:
    names = contrasts["contrast"] + contrasts["at"].map(lambda at: f"  ({at})" if isinstance(at, str) and at else "")
    rows = pd.DataFrame(
        {
            "name": names, "estimate": contrasts["effect_size"], "low": contrasts["effect_low"],
            "high": contrasts["effect_high"],
        }
    )  # fmt: skip
    figure, panels = new_figure(DOUBLE * 0.75, 0.6 + 0.19 * len(rows))
    forest(rows, "name", axes=panels[0]).set_xlabel("Difference in surprisal (Cohen's d)")
    n = int(contrasts["n"].max())
    return Drawn(
        figure,
        f"Contrasts between conditions in surprisal, {model}: standardised differences with 95% intervals from the "
        f"noncentral t distribution; d_z within items, d_s between items. Filled symbols: the interval leaves out "
        f"zero. At most n = {n} items.",
    )


def _draw_preference(preference: pd.DataFrame, model: str) -> Drawn:
    rows = preference[preference["measure"] == preference["measure"].iloc[0]].copy()
    who = rows["who"].where(rows["who"].notna() & (rows["who"] != ""), model)
    rows["name"] = who + rows["condition"].map(lambda condition: "" if condition == "all" else f" ({condition})")
    figure, panels = new_figure(SINGLE, 0.6 + 0.24 * len(rows))
    proportions(rows, "name", axes=panels[0]).set_xlabel("Share of items")
    figure.suptitle(str(rows["measure"].iloc[0]), fontsize=8)
    return Drawn(
        figure,
        f"How often {model} finds the first completion more probable than every other, with 95% Wilson intervals "
        f"(circles, n = {int(rows['n'].iloc[0])} items), and published figures (diamonds): "
        f"{'; '.join(dict.fromkeys(rows.loc[rows['low'].isna(), 'source']))}.",
    )


def _draw_human(measured: pd.DataFrame, human: pd.DataFrame, model: str) -> Drawn:
    figure, panels = new_figure(SINGLE, 2.9)
    rank = human[human["coefficient"] == "spearman"].iloc[0]
    people, ours = log_odds(measured["human_cloze"]), log_odds(measured["cloze"])
    agreement(people, ours, list(measured["target"]), found=_correlation(rank), axes=panels[0])
    panels[0].set_xlabel("Human cloze (log-odds)")
    panels[0].set_ylabel("Model cloze (log-odds)")
    return Drawn(
        figure,
        f"Cloze probability by {model} and by people, in log-odds, with the regression line and its 95% band. "
        f"Spearman's ρ with its 95% interval (BCa bootstrap of items); n = {int(rank['n'])} words. Labelled: the "
        "words farthest from the line.",
    )


def _draw_calibration(curve: pd.DataFrame, model: str) -> Drawn:
    figure, panels = new_figure(SINGLE, SINGLE)
    calibration(curve, axes=panels[0])
    return Drawn(
        figure, calibration_caption(curve, f"cloze of {curve['n'].sum():,} words by {model} against shares of people")
    )


def _correlation(row: pd.Series) -> Correlation:
    return Correlation(row["estimate"], row["low"], row["high"], row["p"], int(row["n"]))


def _draw_references(trials: pd.DataFrame, references: pd.DataFrame, card: dict[str, Any], model: str) -> Drawn:
    column, who = next(iter(card["references"].items()))
    single = column.removesuffix("_surprisal") + "_multitoken"
    rows = trials[trials[single] == 0] if single in trials else trials
    words = "words of one token" if single in trials else "all words"
    found = references[(references["with"].str.endswith(who)) & (references["words"] == words)].iloc[0]
    figure, panels = new_figure(SINGLE, 2.9)
    agreement(
        rows[column], rows["surprisal"], list(rows["target"]), found=_correlation(found), symbol="r", axes=panels[0]
    )
    panels[0].set_xlabel(f"Published surprisal, {who} (bits)")
    panels[0].set_ylabel("Surprisal, this run (bits)")
    return Drawn(
        figure,
        f"Surprisal by {model} against the published surprisal by {who} of the same words ({words} for {who}), with "
        f"the regression line and its 95% band. Pearson's r with its 95% interval (BCa bootstrap of items); "
        f"n = {int(found['n'])} words. Labelled: the words farthest from the line.",
    )


def _draw_effects(effects: pd.DataFrame, model: str) -> Drawn:
    words = effects["words"].iloc[-1]  # those that all predictors are compared on
    effects = effects[effects["words"] == words]
    published = [name for name in dict.fromkeys(effects["predictor"]) if name not in (OURS, PEOPLE)]
    # The model, one published model, and people: more than three in a row cannot be told apart.
    shown = [OURS, *published[:1], *([PEOPLE] if PEOPLE in set(effects["predictor"]) else [])]
    rows = effects[effects["predictor"].isin(shown)].assign(
        estimate=effects["standardised"], low=effects["standardised_low"], high=effects["standardised_high"],
        name=effects["response"].str.replace("_", " "),
    )  # fmt: skip
    figure, panels = new_figure(DOUBLE * 0.75, 0.9 + 0.3 * rows["name"].nunique())
    forest(rows, "name", hue="predictor", groups=shown, axes=panels[0]).set_xlabel(
        "Effect of surprisal (SD of the response per SD of surprisal)"
    )
    covariates = str(effects["covariates"].iloc[0]).replace("_", " ")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(shown))
    return Drawn(
        figure,
        f"Effect of surprisal on amplitudes and reading times beyond {covariates}: {model}"
        f"{', a published model' if published else ''} and human cloze. Linear mixed models with a random intercept by "
        f"sentence, 95% intervals (Satterthwaite); filled symbols: the interval leaves out zero. "
        f"n = {int(rows['n'].max())} words at most ({words}).",
    )


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Write the results of each model on each set as an APA paragraph; every number comes from the tables."""
    tell = {
        "conditions": partial(means, measure="surprisal", unit="bits"),
        "anova": anovas, "contrasts": partial(contrasts, measure="surprisal", unit="bits"),
        "preference": _say_preference, "human": correlations, "ceiling": ceilings,
        "calibration": calibrations, "responses": correlations, "references": references,
        "effects": partial(effects, predictor=OURS),
    }  # fmt: skip
    said: dict[str, list[str]] = {}
    for name, say in tell.items():
        if name in tables:
            for (model, stimuli), rows in tables[name].groupby(["model", "stimuli"], sort=False):
                said.setdefault(f"{model} on {stimuli}", []).extend(say(rows))
    return said


def _say_preference(rows: pd.DataFrame) -> Iterator[str]:
    rows = rows[rows["condition"] == "all"]
    ours = rows["who"].isna() | (rows["who"] == "")
    for row in rows[ours].itertuples():
        what = row.measure.replace(" above ", " word was more probable than ").replace(
            " of rank ", " word was of rank "
        )
        yield f"The {what} in {share(row.estimate, row.low, row.high, count(int(row.n), 'frame'))}."
    published = [f"{row.who} {percent(row.estimate)} ({row.source})" for row in rows[~ours].itertuples()]
    if published:
        yield f"Published figures for {rows.loc[~ours, 'measure'].iloc[0]} are {listing(published, ';')}."
