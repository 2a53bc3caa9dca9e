"""The dependencies analysis on a made-up run whose margins and attraction are known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from psylm.common.study import Study
from psylm.reporting.analyses import tables_of, write_figures, write_tables
from psylm.runs.run import COLUMNS, Run, RunWriter

LOAD = Study(None).analysis_module
FACTORS = {"number": ["sg", "pl"], "attractor": ["match", "mismatch"], "form": ["right", "wrong"]}


def made_sentences(items: int, seed: int = 1) -> pd.DataFrame:
    """Sentences whose margin is 4 bits, of which an attractor of the other number takes 2, after singulars 3."""
    rng = np.random.default_rng(seed)
    rows = []
    for item in range(items):
        base = rng.normal(6, 1)
        for number in FACTORS["number"]:
            for attractor in FACTORS["attractor"]:
                margin = 4 - (attractor == "mismatch") * (3 if number == "sg" else 1) + rng.normal(0, 0.1)
                for form in FACTORS["form"]:
                    rows.append(
                        {
                            "item": f"i{item}", "condition": f"{number}/{attractor}/{form}", "context": "",
                            "sentence": f"The key {item} is here.", "target": "is", "start": 8, "regions": "",
                            "number": number, "attractor": attractor, "form": form,
                            "structure": ["pp", "relative clause"][item % 2],
                            "grammaticality": "grammatical" if form == "right" else "ungrammatical",
                            "surprisal": base + margin * (form == "wrong"), "margin": margin,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def write_run(
    folder: Path,
    scores: dict[str, pd.DataFrame],
    items: pd.DataFrame,
    analysis: list[str],
    factors: dict[str, list[str]] = FACTORS,
    published: list[dict] | None = None,
    language: str = "en",
) -> tuple[Run, RunWriter]:
    """Write a run of one set; `scores` has, for each model, item, condition, region, measure and value."""
    results = pd.concat([rows.assign(model=model) for model, rows in scores.items()], ignore_index=True)
    results = results.assign(
        experiment="made", stimuli="made", note="", word_id=2, word="is", trial=range(len(results))
    )
    card = {
        "name": "made", "title": "t", "version": "1", "language": language, "licence": "CC0", "citation": "",
        "description": "", "columns": {}, "factors": factors, "between": [], "human": {}, "references": {},
        "published": published or [],
    }  # fmt: skip
    model = {"family": "causal", "parameters": 10, "licence": "MIT", "dtype": "float32", "device": "cpu", "sha256": "0"}
    writer = RunWriter(folder)
    writer.stimuli("made", items, None)
    experiment = {"name": "made", "title": "t", "description": "d", "stimuli": ["made"], "analysis": analysis}
    writer.manifest(
        {"psylm": "0", "limit": None, "seed": 1, "started": "", "finished": "", "status": "complete",
         "experiment": experiment | {"models": list(scores), "measures": [{"surprisal": {}}]},
         "models": dict.fromkeys(scores, model), "stimuli": {"made": {"sha256": "0", "items": 1, "card": card}}}
    )  # fmt: skip
    writer.part("all", results[[*COLUMNS, "trial"]])
    writer.finish([["all"]])
    return Run(folder), writer


def surprisals(sentences: pd.DataFrame) -> pd.DataFrame:
    rows = sentences[["item", "condition", "surprisal"]].rename(columns={"surprisal": "value"})
    return rows.assign(measure="surprisal", region="target")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    sentences = made_sentences(24)
    published = [
        {"measure": "attraction (ms)", "who": "people", "condition": "ungrammatical", "value": -20.0, "source": "S."}
    ]
    folder = tmp_path_factory.mktemp("runs") / "made"
    items = sentences.drop(columns=["surprisal", "margin"])
    run, _ = write_run(folder, {"file:a": surprisals(sentences)}, items, ["dependencies"], published=published)
    write_tables(run, LOAD)
    return run


def test_margins_accuracy_and_attraction_are_those_put_in(run: Run) -> None:
    tables = tables_of(run, "dependencies")
    margins = tables["margins"].set_index("condition")
    assert margins.loc["sg/match", "estimate"] == pytest.approx(4, abs=0.1)
    assert margins.loc["sg/mismatch", "estimate"] == pytest.approx(1, abs=0.1)
    assert margins.loc["all", "accuracy"] == 1
    assert margins.loc["all", "n"] == 96
    assert margins.loc["structure: pp", "items"] == 12
    effects = tables["effects"].set_index(["of", "factor", "at"])
    assert effects.loc[("margin", "attractor", "all"), "estimate"] == pytest.approx(2, abs=0.1)
    assert effects.loc[("margin by number", "attractor", "pl"), "estimate"] == pytest.approx(1, abs=0.1)
    assert effects.loc[("ungrammatical", "attractor", "all"), "estimate"] == pytest.approx(2, abs=0.1)
    assert effects.loc[("grammatical", "attractor", "all"), "estimate"] == pytest.approx(0, abs=1e-9)
    assert (effects["p_holm"].dropna() >= effects["p"].dropna()).all()
    anova = tables["anova"].set_index("effect")
    t = effects.loc[("margin", "attractor", "all"), "statistic"]
    assert anova.loc["attractor:form", "statistic"] == pytest.approx(t**2)


def test_the_summary_says_it_and_the_figure_shows_it(run: Run) -> None:
    (about,) = LOAD("dependencies").summary(run, tables_of(run, "dependencies")).values()
    text = " ".join(about)
    assert "preferred in 100.0% of 96 pairs" in text
    assert re.search(r"larger in match than in mismatch \(attractor\), (1\.9|2\.0)\d bits, 95% CI \[", text)
    assert "People, attraction (ms), ungrammatical: −20.0. S." in text
    write_figures(run, LOAD)
    captions = json.loads((run.path / "figures" / "captions.json").read_text())
    assert list(captions) == ["dependencies-margins-file-a-made"]
    (caption,) = captions.values()
    assert "n = 12 items a panel (structure)" in caption
    assert matplotlib.image.imread(run.path / "figures" / "dependencies-margins-file-a-made.png").std() > 0.01


@pytest.mark.parametrize("items", [1, 3])
def test_few_items_are_reported_without_failing(tmp_path: Path, items: int) -> None:
    sentences = made_sentences(items)
    run, _ = write_run(tmp_path / "r", {"file:a": surprisals(sentences)}, sentences, ["dependencies"])
    assert write_tables(run, LOAD)
    assert write_figures(run, LOAD)
    assert LOAD("dependencies").summary(run, tables_of(run, "dependencies"))


def test_sets_without_grammaticality_give_no_tables(tmp_path: Path) -> None:
    sentences = made_sentences(3)
    items = sentences.drop(columns="grammaticality")
    run, _ = write_run(tmp_path / "r", {"file:a": surprisals(sentences)}, items, ["dependencies"])
    assert LOAD("dependencies").tables(run) == {}
