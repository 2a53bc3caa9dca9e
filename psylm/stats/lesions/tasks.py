"""Tasks with a right choice: what lesioned models chose, and how targeted lesions compare with random ones."""

from __future__ import annotations

import pandas as pd

from psylm.runs.run import Run
from psylm.stats.conditions.minimal_pairs import COSTS
from psylm.stats.lesions.dissociation import Cube, among_controls, choices

INTACT = "intact"
"""What tables call the model without a lesion."""

JUDGED = {"acceptability": COSTS, "grammaticality": COSTS, "completion": COSTS, "meaning": ("similarity",)}
"""Factors whose first level is the right choice, and the measures by which is chosen."""

TARGETED = ("important-heads", "unimportant-heads", "heads")
"""Kinds of lesions of chosen heads."""


def right_choices(run: Run, lesions: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the right choices of every item by task, lesion and seed, and each task's chance."""
    parts, chance = [], {}
    for stimuli in run.stimulus_names:
        factors = run.card(stimuli)["factors"]
        factor = next((name for name in JUDGED if name in factors), None)
        if factor is None:
            continue
        results = run.scores(stimuli=stimuli)
        measure = next((name for name in JUDGED[factor] if (results["measure"] == name).any()), None)
        if measure is None:
            continue
        task, best = stimuli.replace("-", " "), factors[factor][0]
        chance[task] = 1 / len(factors[factor])
        trials = _trials(run, stimuli, factor)
        scores = run.scores(stimuli=stimuli, measure=measure, region=["target", "sentence"])
        if measure == "similarity":  # of the last layer
            scores = scores[scores["word_id"] == scores.groupby("model")["word_id"].transform("max")]
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
    trials = run.items(stimuli)
    others = [name for name in factors if name != factor]
    if factor == "completion" and "constraint" in factors:
        trials = trials[trials["constraint"] == factors["constraint"][0]]
    return trials.assign(set=trials[others].astype(str).agg("/".join, axis="columns") if others else "")


def doses_by_kind(about: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return the doses of each kind, by lesion; the intact model is every kind's zero."""
    whole = {INTACT: 0.0} if INTACT in set(about["lesion"]) else {}
    return {
        str(name): whole | dict(zip(rows["lesion"], rows["dose"], strict=True))
        for name, rows in about[about["lesion"] != INTACT].groupby("name", sort=False)
    }


def random_draws(hits: Cube, lesions: pd.DataFrame) -> pd.DataFrame:
    """Return the share of right choices of every single draw of random heads."""
    random = lesions[lesions["kind"] == "random-heads"]
    rows = [
        {"task": task, "lesion": lesion, "dose": dose, "heads": heads, "estimate": float(value)}
        for task, of in hits.items()
        for lesion, dose, heads in random.drop_duplicates("lesion")[["lesion", "dose", "heads"]].itertuples(index=False)
        for value in of[lesion].mean(1)
    ]
    return pd.DataFrame(rows, columns=["task", "lesion", "dose", "heads", "estimate"])


def control_rows(hits: Cube, about: pd.DataFrame) -> pd.DataFrame:
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
