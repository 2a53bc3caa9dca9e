"""What does a lesion impair? Dose and response by task, targeted lesions among random ones, double dissociations.

For runs over lesioned models (`lesions:` in the config, or names with `#`). A task is a stimulus set with a right
choice: a factor `acceptability`, `grammaticality` or `completion`, whose first level should cost fewer bits than the
others, or `meaning`, whose first level should be more similar. Performance is the share of right choices.
"""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import pandas as pd

from psylm.figures.lesions import among_random, dissociation, dose_response
from psylm.figures.style import DOUBLE, SINGLE, new_figure
from psylm.lesions.dose import dose_of
from psylm.prose import lesions as prose
from psylm.prose.apa import listing
from psylm.prose.lesions import INTACT
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.lesions.dissociation import (
    Cube,
    Resampled,
    among_controls,
    choices,
    cube,
    dissociations,
    midway,
    performance,
    slopes,
)

REQUIRES = ()

COSTS = ("surprisal", "sentence_surprisal")
JUDGED = {"acceptability": COSTS, "grammaticality": COSTS, "completion": COSTS, "meaning": ("similarity",)}
"""Factors whose first level is the right choice, and the measures by which is chosen."""

TARGETED = ("important-heads", "unimportant-heads", "heads")


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute performance by dose, its slopes, controls for targeted lesions, and dissociations."""
    known = _lesions(run)
    found: dict[str, list[pd.DataFrame]] = {}
    for model, mine in known.groupby("base", sort=False):
        hits, chance = _hits(run, mine)
        if hits.empty:
            continue
        made = cube(hits)
        resampled = Resampled(made, run.manifest["seed"])
        about = mine.drop_duplicates("lesion")[["lesion", "kind", "name", "dose", "unit", "heads"]]
        by_dose = performance(made, resampled).merge(about, on="lesion")
        by_dose["chance"] = by_dose["task"].map(chance)
        doses = _doses(about)
        found.setdefault("performance", []).append(by_dose.assign(model=model))
        found.setdefault("slopes", []).append(slopes(made, doses).assign(model=model))
        found.setdefault("draws", []).append(_draws(made, mine).assign(model=model))
        found.setdefault("controls", []).append(_controls(made, about).assign(model=model))
        if INTACT in set(by_dose["lesion"]) and len(made) > 1:
            compared = midway(by_dose, doses, INTACT, chance)
            found.setdefault("dissociations", []).append(
                dissociations(resampled, compared).assign(
                    model=model, strength_1=lambda t, c=compared: t["lesion_1"].map(c),
                    strength_2=lambda t, c=compared: t["lesion_2"].map(c),
                )
            )  # fmt: skip
    return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}


def _lesions(run: Run) -> pd.DataFrame:
    """Return each model's base, lesion (its changes, without seeds), kind, dose and seed."""
    rows = []
    for name, info in run.manifest["models"].items():
        known = info.get("lesion")
        facts = [] if known is None else known["facts"]
        base = name if known is None else name.rpartition("#")[0]
        lesion = INTACT if known is None else re.sub(r"@\d+", "", known["changes"])
        row = {"model": name, "base": base, "lesion": lesion, "seed": 0, "kind": lesion, "name": lesion, "dose": 0.0,
               "unit": "", "heads": 0}  # fmt: skip
        if len(facts) == 1:
            dose = dose_of(facts[0])
            row |= {"kind": facts[0]["kind"], "seed": facts[0]["seed"] or 0, "heads": len(facts[0].get("heads", []))}
            row |= dose._asdict()
        rows.append(row)
    return pd.DataFrame(rows)


def _hits(run: Run, lesions: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the right choices of every item by task, lesion and seed, and each task's chance."""
    parts, chance = [], {}
    for stimuli in run.stimulus_names:
        factors = run.card(stimuli)["factors"]
        factor = next((name for name in JUDGED if name in factors), None)
        if factor is None:
            continue
        results = run.results[run.results["stimuli"] == stimuli]
        measure = next((name for name in JUDGED[factor] if (results["measure"] == name).any()), None)
        if measure is None:
            continue
        task, best = stimuli.replace("-", " "), factors[factor][0]
        chance[task] = 1 / len(factors[factor])
        trials = _trials(run, stimuli, factor)
        scores = results[(results["measure"] == measure) & results["region"].isin(["target", "sentence"])]
        scores = (
            scores[scores["word_id"] == scores.groupby("model")["word_id"].transform("max")]
            if measure == "similarity"
            else scores
        )
        for row in lesions.to_dict("records"):
            mine = trials.merge(
                scores[scores["model"] == row["model"]][["item", "condition", "value"]], on=["item", "condition"]
            )
            chosen = choices(mine, factor, best, "value", lower=measure in COSTS)
            parts.append(chosen.assign(task=task, lesion=row["lesion"], seed=row["seed"]))
    return pd.concat([pd.DataFrame(columns=["item", "hit", "task", "lesion", "seed"]), *parts]), chance


def _trials(run: Run, stimuli: str, factor: str) -> pd.DataFrame:
    """Return a set's trials, with what tells sets of alternatives apart: the other factors.

    Of completions, those after a weakly constraining context are left out: there, none is the right one.
    """
    factors = run.card(stimuli)["factors"]
    trials = run.items(stimuli).astype({"item": "string", "condition": "string"})
    others = [name for name in factors if name != factor]
    if factor == "completion" and "constraint" in factors:
        trials = trials[trials["constraint"] == factors["constraint"][0]]
    return trials.assign(set=trials[others].astype(str).agg("/".join, axis="columns") if others else "")


def _doses(about: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the doses of each kind, by lesion; the intact model is every kind's zero."""
    whole = {INTACT: 0.0} if INTACT in set(about["lesion"]) else {}
    return {
        str(name): whole | dict(zip(rows["lesion"], rows["dose"], strict=True))
        for name, rows in about[about["lesion"] != INTACT].groupby("name", sort=False)
    }


def _draws(hits: Cube, lesions: pd.DataFrame) -> pd.DataFrame:
    """Return the share of right choices of every single draw of random heads."""
    random = lesions[lesions["kind"] == "random-heads"]
    rows = [
        {"task": task, "lesion": lesion, "dose": dose, "heads": heads, "estimate": float(value)}
        for task, of in hits.items()
        for lesion, dose, heads in random.drop_duplicates("lesion")[["lesion", "dose", "heads"]].itertuples(index=False)
        for value in of[lesion].mean(1)
    ]
    return pd.DataFrame(rows, columns=["task", "lesion", "dose", "heads", "estimate"])


def _controls(hits: Cube, about: pd.DataFrame) -> pd.DataFrame:
    """Compare each targeted lesion of heads with the random ones of as many heads."""
    random = about[about["kind"] == "random-heads"].set_index("heads")["lesion"]
    rows = [
        {"task": task, "lesion": row["lesion"], "name": row["name"], "dose": row["dose"], "heads": row["heads"],
         "estimate": float(of[row["lesion"]].mean())} | among_controls(
            float(of[row["lesion"]].mean()), of[random[row["heads"]]].mean(1))
        for row in about[about["kind"].isin(TARGETED)].to_dict("records") if row["heads"] in random.index
        for task, of in hits.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw dose and response, targeted among random lesions, and the clearest dissociation."""
    drawn: dict[str, Drawn] = {}
    for model, table in tables.get("performance", pd.DataFrame(columns=["model"])).groupby("model", sort=False):
        drawn[f"dose-response-{model}"] = _doses_drawn(str(model), table)
        controls = tables["controls"]
        if len(controls):
            mine = controls[controls["model"] == model]
            draws = tables["draws"][tables["draws"]["model"] == model]
            drawn[f"controls-{model}"] = _controls_drawn(str(model), mine, draws)
        if "dissociations" in tables:
            found = tables["dissociations"][tables["dissociations"]["model"] == model]
            drawn |= _dissociation_drawn(str(model), table, found)
    return drawn


def _doses_drawn(model: str, table: pd.DataFrame) -> Drawn:
    intact = table[table["lesion"] == INTACT]
    kinds = [
        (name, rows)
        for name, rows in table[table["lesion"] != INTACT].groupby("name", sort=False)
        if rows["unit"].iloc[0]
    ]
    columns = min(4, len(kinds))
    lines = -(-len(kinds) // columns)
    figure, grid = plt.subplots(lines, columns, figsize=(DOUBLE, 0.35 + 1.55 * lines), sharey=True, squeeze=False)
    for place, (name, rows) in enumerate(kinds):
        axes = grid[place // columns][place % columns]
        dose_response(pd.concat([intact, rows]), unit=str(rows["unit"].iloc[0]), axes=axes)
        axes.set_title(str(name))
        if place % columns == 0:
            axes.set_ylabel("Right choices (share)")
    for place in range(len(kinds), lines * columns):
        grid[place // columns][place % columns].axis("off")
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    counts = ", ".join(f"{n} items of {task}" for task, n in intact[["task", "n"]].itertuples(index=False))
    draws = sorted(set(table["draws"]) - {1})
    drawn = (
        f"; of several random draws ({listing([str(n) for n in draws])}), bootstrap intervals over items and draws"
        if draws
        else ""
    )
    return Drawn(
        figure,
        f"Right choices of {model} over the dose of each lesion; the dose 0 is the intact model. Bands: 95% Wilson "
        f"intervals{drawn}. Dotted: chance. n = {counts}.",
    )


def _controls_drawn(model: str, controls: pd.DataFrame, draws: pd.DataFrame) -> Drawn:
    tasks = list(dict.fromkeys(controls["task"]))
    figure, panels = new_figure(max(SINGLE, DOUBLE * len(tasks) / 3), 2.2, columns=len(tasks))
    for axes, task in zip(panels, tasks, strict=True):
        among_random(controls[controls["task"] == task], draws[draws["task"] == task], axes=axes)
        axes.set_title(task)
    panels[0].set_ylabel("Right choices (share)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    count = int(controls["draws"].max())
    return Drawn(
        figure,
        f"Right choices of {model} without its most or least important heads (gradient-based importance), among "
        f"lesions of as many heads drawn at random (grey, {count} draws a size).",
    )


def _dissociation_drawn(model: str, table: pd.DataFrame, found: pd.DataFrame) -> dict[str, Drawn]:
    """Draw the pair of lesions with the largest interaction, a crossover first."""
    if found.empty:
        return {}
    ordered = found.assign(size=found["interaction"].abs()).sort_values(["crossover", "size"], ascending=False)
    row = ordered.iloc[0]
    mine = table[
        table["lesion"].isin([row["strength_1"], row["strength_2"], INTACT])
        & table["task"].isin([row["task_a"], row["task_b"]])
    ]
    named = mine.assign(name=mine["lesion"], order=mine["lesion"] != INTACT).sort_values("order", kind="stable")
    figure, panels = new_figure(SINGLE, 2.6)
    axes = dissociation(named, axes=panels[0])
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return {
        f"dissociation-{model}": Drawn(
            figure,
            f"The two lesions of {model} that interact most with the task, among {len(found)} comparisons of lesions "
            f"of like severity: interaction {prose.interaction(row)}. "
            "Bars: 95% intervals of each share.",
        )
    }


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say in words what each lesion took, and what came apart; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    for model, table in tables.get("performance", pd.DataFrame(columns=["model"])).groupby("model", sort=False):
        mine = {name: rows[rows["model"] == model] for name, rows in tables.items() if len(rows)}
        said[str(model)] = [
            *prose.doses(table, mine["slopes"]),
            *prose.controls(mine.get("controls", pd.DataFrame())),
            *prose.dissociations(mine.get("dissociations", pd.DataFrame())),
        ]
    return said
