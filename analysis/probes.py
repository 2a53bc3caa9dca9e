"""What can be read off a model's layers? Linear probes for word class, number and position, with control tasks.

Needs the measure `states`. Where regions are named by word classes (`noun.singular`), every word gives its class, nouns
their number, and every word its position. Where the number of the subject is a factor (`subject_number`), it is read
off the last word before the verb: what a model that reads from left to right knows as it predicts the verb.

Probes are logistic regressions, cross-validated by items. The control task gives each word form a label by chance
(Hewitt & Liang 2019): accuracy beyond it is in the states rather than learnt by the probe.
"""

from __future__ import annotations

from collections.abc import Iterator

from psylm.figures.drawn import Drawn
from psylm.figures.probes import draw_accuracy
from psylm.models.families import FAMILIES
from psylm.prose.paragraphs import paragraphs
from psylm.prose.probes import accuracy
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.probes import probe_rows, probing_tasks

REQUIRES = ("state",)


def tables(run: Run) -> Tables:
    """Probe every layer for every task."""
    return collect(_parts(run))


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli in run.grid():
        family = FAMILIES.named(run.manifest["models"][model]["family"], f"model {model!r}, its family")
        tasks, layers = probing_tasks(run, model, stimuli, left_to_right=family.left_to_right)
        for name, task in tasks.items():
            yield "accuracy", {"model": model, "stimuli": stimuli, "task": name}, probe_rows(task, layers, run.seed)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw accuracy and control accuracy by layer: a panel a task."""
    found = {model: select(tables, model=model) for model in run.model_names}
    return {
        f"accuracy-{model}": draw_accuracy(mine["accuracy"], model)
        for model, mine in found.items()
        if "accuracy" in mine
    }


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say which layer tells most, and what a control task takes from it; every number comes from the table."""
    return paragraphs(tables, {"accuracy": accuracy}, heading=["model"], within=["task"])
