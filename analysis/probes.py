"""What can be read off a model's layers? Linear probes for word class, number and position, with control tasks.

Needs the measure `states`. Where regions are named by word classes (`noun.singular`), every word gives its class, nouns
their number, and every word its position. Where the number of the subject is a factor (`subject_number`), it is read
off the last word before the verb: what a model that reads from left to right knows as it predicts the verb.

Probes are logistic regressions, cross-validated by items. The control task gives each word form a label by chance
(Hewitt & Liang 2019): accuracy beyond it is in the states rather than learnt by the probe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from psylm.figures.probes import probes
from psylm.figures.style import DOUBLE, new_figure
from psylm.prose.apa import count, interval, number, p_value, percent, share
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.inference.probing import FOLDS, linear_probe, permuted_accuracies

REQUIRES = ("state",)

PERMUTATIONS = 20
"""Times that labels are shuffled, and every probe fitted anew: p cannot be below 1/21."""

ALPHA = 0.05
LEFT_TO_RIGHT = ("causal", "recurrent")


@dataclass(frozen=True)
class Task:
    """What is to be read off which words.

    Parameters
    ----------
    words
        A row a word: `item`, `word`, `label`.
    states
        Their states [words, layers, width].
    """

    words: pd.DataFrame
    states: np.ndarray


def tasks(run: Run, model: str, stimuli: str) -> tuple[dict[str, Task], list[int]]:
    """Make the tasks that a set allows, and give the layers' numbers."""
    results = run.results
    mine = results[(results["model"] == model) & (results["stimuli"] == stimuli) & (results["measure"] == "state")]
    items = run.items(stimuli).astype({"item": "string", "condition": "string"})
    extra = [column for column in ("grammaticality", "subject_number", "start") if column in items]
    mine = mine.astype({"region": object, "word": object})
    words = mine[["item", "condition", "region", "word_id", "word"]].merge(
        items[["item", "condition", "target", *extra]], on=["item", "condition"]
    )
    states = np.concatenate([array for _, _, array in run.arrays("state", model=model, stimuli=stimuli)])
    layers = next(array for _, _, array in run.arrays("state_layer", model=model, stimuli=stimuli)).tolist()
    found = {}
    if words["region"].str.contains(".", regex=False).any():
        named = words["region"].str.partition(".")
        nouns = named[2] != ""
        real = words["region"] != "punctuation"
        found["word class"] = Task(words[real].assign(label=named[0][real]), states[real.to_numpy()])
        found["number"] = Task(words[nouns].assign(label=named[2][nouns]), states[nouns.to_numpy()])
        found["position"] = Task(words[real].assign(label=words["word_id"][real].astype(str)), states[real.to_numpy()])
    if "subject_number" in words and run.manifest["models"][model]["family"] in LEFT_TO_RIGHT:
        after = words.groupby(["item", "condition"])["region"].shift(-1).fillna("")
        asked = (after == "verb") & (words["grammaticality"] == "grammatical")
        before = words[asked].assign(label=words["subject_number"][asked])
        found["number of the subject, before the verb"] = Task(before, states[asked.to_numpy(dtype=bool)])
    return found, layers


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Probe every layer for every task."""
    rows: list[dict[str, Any]] = []
    for model, stimuli in product(run.model_names, run.stimulus_names):
        found, layers = tasks(run, model, stimuli)
        for name, task in found.items():
            about = {"model": model, "stimuli": stimuli, "task": name}
            rows += [about | row for row in _probed(task, layers, int(run.manifest["seed"]))]
    return {"accuracy": pd.DataFrame(rows)} if rows else {}


def _probed(task: Task, layers: list[int], seed: int) -> Iterator[dict[str, Any]]:
    items, labels = task.words["item"].tolist(), task.words["label"].tolist()
    types = task.words["word"].str.lower().tolist()
    if len(set(items)) < FOLDS or len(set(labels)) < 2:
        return
    states = [task.states[:, number] for number in range(len(layers))]
    found = [linear_probe(one, labels, items, types, seed=seed) for one in states]
    shuffled = permuted_accuracies(states, labels, items, permutations=PERMUTATIONS, seed=seed)
    best = shuffled.max(1)
    for layer, one, chance in zip(layers, found, shuffled.mean(0), strict=True):
        p = (1 + int((best >= one.accuracy).sum())) / (1 + PERMUTATIONS)
        yield {"layer": layer} | asdict(one) | {"shuffled": float(chance), "p": p}


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw accuracy and control accuracy by layer: a panel a task."""
    drawn: dict[str, Drawn] = {}
    if "accuracy" not in tables:
        return drawn
    for model, rows in tables["accuracy"].groupby("model", sort=False):
        names = list(dict.fromkeys(rows["task"]))
        figure, panels = new_figure(DOUBLE, 2.3, len(names))
        for axes, name in zip(panels, names, strict=True):
            probes(rows[rows["task"] == name], axes=axes)
            axes.set_title(str(name).replace(", ", ",\n"))
            if axes is not panels[0]:
                axes.set_ylabel("")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
        sizes = rows.drop_duplicates("task").set_index("task")
        n = "; ".join(f"{name}: n = {sizes['n'][name]} words of {sizes['items'][name]} sentences" for name in names)
        drawn[f"accuracy-{model}"] = Drawn(
            figure,
            f"What linear probes read off the layers of {model}, with 95% intervals over items (Student's t): accuracy "
            f"on held-out items, on the control task (each word form has a label by chance; word forms that occur in "
            f"training), and of labels shuffled {PERMUTATIONS} times. {n}.",
        )
    return drawn


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say which layer tells most, and what a control task takes from it; every number comes from the table."""
    said: dict[str, list[str]] = {}
    if "accuracy" in tables:
        for (model, task), rows in tables["accuracy"].groupby(["model", "task"], sort=False):
            said.setdefault(str(model), []).extend(_say(str(task), rows))
    return said


def _say(task: str, rows: pd.DataFrame) -> Iterator[str]:
    best = rows.loc[rows["accuracy"].idxmax()].to_dict()
    first = rows.sort_values("layer").iloc[0].to_dict()
    above = rows[rows["p"] < ALPHA]
    yield (
        f"{task[0].upper()}{task[1:]} ({count(best['labels'], 'label')}, {count(best['n'], 'word')}) was read best off "
        f"layer {best['layer']}: {share(best['accuracy'], best['accuracy_low'], best['accuracy_high'])}; off layer "
        f"{first['layer']}: {share(first['accuracy'], first['accuracy_low'], first['accuracy_high'])}; the most "
        f"frequent label has {percent(best['majority'])}. Accuracy was above that of shuffled labels in "
        f"{count(len(above), 'layer')} of {len(rows)} (at best {p_value(rows['p'].min())}, corrected for layers)."
    )
    if not np.isnan(best["selectivity"]):
        yield (
            f"Against the control task, the selectivity of that probe was {number(best['selectivity'], bounded=True)}, "
            f"{interval(best['selectivity_low'], best['selectivity_high'], bounded=True)} (words of a known form, "
            f"{best['known']:.0%})."
        )
    else:
        yield "No word form of a held-out item occurred in training, so that the control task is at chance by design."
