"""What does a lesion impair? Dose and response by task, targeted lesions among random ones, double dissociations.

For runs over lesioned models (`lesions:` in the config, or names with `#`). A task is a stimulus set with a right
choice: a factor `acceptability`, `grammaticality` or `completion`, whose first level should cost fewer bits than the
others, or `meaning`, whose first level should be more similar. Performance is the share of right choices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from psylm.figures.drawn import Drawn
from psylm.figures.lesions import draw_controls, draw_dissociation, draw_doses
from psylm.models.lesion_kinds import dose_of
from psylm.prose import lesions as prose
from psylm.prose.paragraphs import paragraphs
from psylm.reporting.requirements import Requires
from psylm.runs.run import Run
from psylm.stats.collect import Part, Tables, collect, select
from psylm.stats.lesions.dissociation import ResampledPerformance, cube, dissociations, midway, performance, slopes
from psylm.stats.lesions.tasks import INTACT, control_rows, doses_by_kind, random_draws, right_choices

REQUIRES = Requires(items=2)


def tables(run: Run) -> Tables:
    """Compute performance by dose, its slopes, controls for targeted lesions, and dissociations."""
    return collect(_parts(run))


def _parts(run: Run) -> Iterator[Part]:
    for model, lesions in _lesions(run).groupby("base", sort=False):
        hits, chance = right_choices(run, lesions)
        if hits.empty:
            continue
        made, about = cube(hits), {"model": model}
        resampled = ResampledPerformance(made, run.seed)
        kinds = lesions.drop_duplicates("lesion")[["lesion", "kind", "name", "dose", "unit", "heads"]]
        by_dose = performance(made, resampled).merge(kinds, on="lesion")
        by_dose["chance"] = by_dose["task"].map(chance)
        doses = doses_by_kind(kinds)
        yield "performance", about, by_dose
        yield "slopes", about, slopes(made, doses)
        yield "draws", about, random_draws(made, kinds)
        yield "controls", about, control_rows(made, kinds)
        if INTACT in set(by_dose["lesion"]) and len(made) > 1:
            compared = midway(by_dose, doses, INTACT, chance)
            apart = dissociations(resampled, compared)
            strengths = {f"strength_{number}": apart[f"lesion_{number}"].map(compared) for number in (1, 2)}
            yield "dissociations", about, apart.assign(**strengths)


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


def figures(run: Run, tables: Tables) -> dict[str, Drawn]:
    """Draw dose and response, targeted among random lesions, and the clearest dissociation."""
    drawn: dict[str, Drawn] = {}
    for model in dict.fromkeys(tables["performance"]["model"]) if "performance" in tables else ():
        mine = select(tables, model=model)
        drawn[f"dose-response-{model}"] = draw_doses(mine["performance"], str(model))
        if "controls" in mine:
            drawn[f"controls-{model}"] = draw_controls(mine["controls"], mine["draws"], model)
        if "dissociations" in mine:
            drawn[f"dissociation-{model}"] = draw_dissociation(mine["performance"], mine["dissociations"], model)
    return drawn


def summary(run: Run, tables: Tables) -> dict[str, list[str]]:
    """Say in words what each lesion took, and what came apart; every number comes from the tables."""
    slopes = tables.get("slopes", pd.DataFrame())
    say = {
        "performance": lambda rows: prose.doses(rows, slopes[slopes["model"] == rows["model"].iloc[0]]),
        "controls": prose.controls,
        "dissociations": prose.dissociations,
    }
    return paragraphs(tables, say, heading=["model"])
