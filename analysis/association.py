"""Which words does a model put near which? Association tests on vectors, layer by layer.

Needs the measure `embedding`, and sets whose one factor has four levels: two target sets X and Y, and two attribute
sets A and B, in this order. The effect size d says how much closer X is to A than to B, compared with Y (Caliskan et
al. 2017; May et al. 2019, of sentences; with the unit `target`, of words in sentences).
"""

from __future__ import annotations

from collections.abc import Iterator

from psylm.figures.association import draw_layers
from psylm.figures.drawn import Drawn
from psylm.prose.association import association
from psylm.prose.paragraphs import paragraphs
from psylm.reporting.requirements import Requires
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.similarity.association import association_rows
from psylm.stats.similarity.spaces import spaces

REQUIRES = Requires(measures=("embedding",), level_items=2)


def tables(run: Run) -> Tables:
    """Test the association of every set in every layer of every model; Holm's correction over layers."""
    return collect(_parts(run), families={"tests": ["model", "stimuli"]})


def _parts(run: Run) -> Iterator[Part]:
    for model, stimuli, space in spaces(run):
        about = {"model": model, "stimuli": stimuli}
        yield "tests", about, association_rows(space, run.card(stimuli)["factors"], run.seed)


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw the effect size by layer, a line a set, for each model."""
    found = {model: select(tables, model=model) for model in run.model_names}
    return {
        f"layers-{model}": draw_layers(mine["tests"], model)
        for model, mine in found.items()
        if "tests" in mine and mine["tests"]["layer"].nunique() > 1
    }


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in words how strong the association is in the last layer, and in the embedding matrix where it was asked."""
    return paragraphs(tables, {"tests": association}, heading=["model"], within=["test"])
