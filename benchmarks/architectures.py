"""Every text architecture that `transformers` maps, tiny, scored by psylm and by `transformers` itself.

python -m benchmarks.architectures [--only NAME] [--part 1/2]   the sweep, which goes on where it stopped
python -m benchmarks.architectures --write                     the list that psylm carries, and the page of the docs
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import transformers

from benchmarks.architectures_page import write
from benchmarks.tiny import Tiny, candidates, reads_more_than_text, save
from benchmarks.tiny_tables import WINDOW
from psylm.common.errors import PsylmError
from psylm.measures import MEASURES
from psylm.measures.trials import sentence_trials
from psylm.models.base import LanguageModel
from psylm.models.comparison import TOLERANCE, compare, shares_beginnings
from psylm.models.load import load_unverified
from psylm.models.names import ModelSource

RESULTS = Path("build/architectures.jsonl")

SENTENCES = [
    "the cook tasted soup", "the cook tasted the old soup and added salt", "the cook tasted the old songs",
    "children like songs under a table when it rained", "keys to cabinets are on shelves", "cats slept",
]  # fmt: skip
REGIONS = [json.dumps([["subject", 0, one.index(" ")], ["verb", one.rindex(" ") + 1, len(one)]]) for one in SENTENCES]
TARGETS = ["soup", "salt", "songs", "table", "are", "slept"]
CONTEXTS = ["women opened old doors"] * 3 + ["it rained"] * 3

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "surprisal": [
        {"words": "all", "units": ["word", "token", "sentence"], "quantities": ["surprisal", "entropy", "rank"]},
        {"correction": False},
    ],
    "metalinguistic": [{"task": "sentence"}],
    "cloze": [{"top_k": 3}],
    "attention": [{"query": "verb", "target": "subject", "kinds": ["weights"]}],
}


def examined(tiny: Tiny) -> dict[str, Any]:
    """Make a tiny model, compare its scores, and ask it for every measure that takes its family."""
    begun = time.perf_counter()
    found: dict[str, Any] = {"name": tiny.name, "architecture": tiny.architecture, "asked": tiny.family}
    found |= {"transformers": transformers.__version__, "model_type": tiny.model_type, "variant": tiny.variant}
    if reads_more_than_text(tiny.model_type):
        return found | {"outcome": "skipped", "reason": "it reads images or sound, or is a part of another model"}
    with tempfile.TemporaryDirectory() as folder:
        try:
            save(tiny, Path(folder))
        except Exception as error:  # noqa: BLE001 - whatever `transformers` raises is recorded
            return found | {"outcome": "not made", "reason": _line(error)}
        try:
            model = load_unverified(ModelSource.parse(f"file:{folder}"), device="cpu")
            if model.family != tiny.family and not tiny.variant:
                return found | {"outcome": "fails", "reason": f"Error: it is taken for a {model.family} model"}
            cases = {one.case: one.largest for one in compare(model)}
        except PsylmError as error:
            return found | {"outcome": "refused", "reason": _line(error).replace(folder, "…")}
        except Exception as error:  # noqa: BLE001
            return found | {"outcome": "fails", "reason": _line(error)}
        asked = (
            {}
            if tiny.variant or model.family == "encoder"
            else {name: asked_in_company(model, name) for name in MEASURES}
        )
    asked = {name: result for name, result in asked.items() if result is not None}
    numbers = [value for value in (*cases.values(), *asked.values()) if not isinstance(value, str)]
    good = all(value <= TOLERANCE for value in numbers) and not any(
        isinstance(value, str) and value.startswith("fails") for value in asked.values()
    )
    return found | {
        "outcome": "agrees" if good else "differs", "cases": cases, "measures": asked,
        "shares": shares_beginnings(model), "pads": all(model.may_pad(length) for length in (16, WINDOW)),
        "seconds": round(time.perf_counter() - begun, 2),
    }  # fmt: skip


def asked_in_company(model: LanguageModel, name: str) -> float | str | None:
    """Return the largest difference between a measure's values in company and alone, or why there is none."""
    measure = MEASURES[name]
    if model.family not in measure.families:
        return None
    trials = sentence_trials(SENTENCES, targets=TARGETS, contexts=CONTEXTS, regions=REGIONS)
    largest = 0.0
    try:
        for chosen in OPTIONS.get(name, [{}]):
            options = measure.options.model_validate(chosen)
            model.remembered.clear()
            together = _table(measure.function(model, trials, options))
            alone = []
            for number in (0, 3):
                model.remembered.clear()
                alone.append(_table(measure.function(model, trials.iloc[[number]], options)))
            kept = together[together["trial"].isin(trials["trial"].iloc[[0, 3]])]
            largest = max(largest, _apart(kept, pd.concat(alone)))
    except PsylmError as error:
        return "refused: " + _line(error)
    except Exception as error:  # noqa: BLE001
        return "fails: " + _line(error)
    return largest


def _table(result: Any) -> pd.DataFrame:
    table: pd.DataFrame = result[0] if isinstance(result, tuple) else result
    return table[table["region"] != "completion"]


def _apart(together: pd.DataFrame, alone: pd.DataFrame) -> float:
    keys = ["trial", "region", "word_id", "word", "measure"]
    one, other = (table.sort_values(keys, kind="stable").reset_index(drop=True) for table in (together, alone))
    if not one[keys].equals(other[keys]) or not (one["value"].isna() == other["value"].isna()).all():
        return float("inf")
    values = np.abs(one["value"].to_numpy(float) - other["value"].to_numpy(float))
    return float(np.nanmax(values, initial=0.0))


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def sweep(results: Path, only: str, part: tuple[int, int]) -> None:
    """Examine what is not in the results yet, and add it."""
    results.parent.mkdir(parents=True, exist_ok=True)
    done = {one["name"] for one in read(results)}
    for number, tiny in enumerate(candidates()):
        if number % part[1] != part[0] - 1 or tiny.name in done or only not in tiny.name:
            continue
        with contextlib.redirect_stderr(io.StringIO()):
            found = examined(tiny)
        worst = max((value for value in found.get("cases", {}).values()), default=float("nan"))
        print(f"{found['name']:<60} {found['outcome']:<9} {worst:10.2e} {found.get('reason', '')[:120]}", flush=True)
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")


def read(results: Path) -> list[dict[str, Any]]:
    """Return what was found so far."""
    if not results.is_file():
        return []
    lines = results.read_text(encoding="utf-8").splitlines()
    return list({one["name"]: one for one in map(json.loads, lines)}.values())  # parts that ran twice count once


def main() -> None:
    """Run the sweep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="a part of a name")
    parser.add_argument("--part", default="1/1", help="which part of how many")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept")
    parser.add_argument("--write", action="store_true", help="write the list and the page of the docs")
    chosen = parser.parse_args()
    if chosen.write:
        write(read(chosen.results))
        return
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    which, of = map(int, chosen.part.split("/"))
    sweep(chosen.results, chosen.only, (which, of))


if __name__ == "__main__":
    main()
