"""Power: the simulation against the noncentral t distribution, and both against what must hold."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from psylm.common.errors import InputError
from psylm.stats.mixed_models.fit import fit_mixed
from psylm.stats.mixed_models.power import Components, analytic_power, components_of, power_table, simulate

pytestmark = pytest.mark.slow


SDS = Components(subject=60, item=30, subject_slope=20, item_slope=15, residual=100)


@pytest.mark.parametrize("design", ["latin_square", "crossed", "items_between"])
def test_the_mean_difference_varies_as_the_closed_form_says(design: str) -> None:
    """The variance of the difference of means, over 2,000 simulated experiments, against the sum of its components."""
    random = np.random.default_rng(1)
    subjects, items = 12, 8
    differences = []
    for _ in range(2000):
        data = simulate(25, SDS, subjects, items, design=design, random=random)
        means = data.groupby("condition")["response"].mean()
        differences.append(means[0.5] - means[-0.5])
    residual = SDS.residual**2 * (2 if design == "crossed" else 4) / (subjects * items)
    item = 4 * SDS.item**2 / items if design == "items_between" else 0
    expected = SDS.subject_slope**2 / subjects + SDS.item_slope**2 / items + item + residual
    assert np.mean(differences) == pytest.approx(25, abs=4 * np.sqrt(expected / 2000))
    assert np.var(differences) == pytest.approx(expected, rel=4 * np.sqrt(2 / 2000))


@pytest.mark.parametrize("design", ["latin_square", "items_between"])
def test_simulated_power_is_near_the_analytic_one(design: str) -> None:
    row = power_table(30, SDS, [24], [24], design=design, simulations=150, seed=3).iloc[0]
    assert row["low"] - 0.05 < row["analytic"] < row["high"] + 0.05  # the two differ in how they reckon with df
    assert row["low"] < row["power"] < row["high"] and row["simulations"] == 150


def test_no_effect_is_found_at_half_the_nominal_rate() -> None:
    """Only effects in the predicted direction count: 2.5%."""
    found = power_table(1e-9, SDS, [20], [20], simulations=200, seed=5).iloc[0]
    assert found["power"] <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / 200)
    assert analytic_power(1e-9, SDS, 20, 20, design="latin_square") == pytest.approx(0.025, abs=1e-6)


def test_more_of_everything_is_more_power_and_a_seed_is_a_table() -> None:
    table = power_table(40, SDS, [8, 24], [8, 24], simulations=25, seed=2)
    assert table["power"].iloc[0] < table["power"].iloc[-1]
    again = power_table(40, SDS, [24], [24], simulations=25, seed=2)
    assert again["power"].iloc[0] == table["power"].iloc[-1]


def test_components_of_an_earlier_experiment() -> None:
    random = np.random.default_rng(7)
    data = simulate(30, SDS, 60, 60, design="crossed", random=random)
    fit = fit_mixed(data, "response ~ condition + (1 + condition || subject) + (1 + condition || item)")
    found = components_of(fit, "condition")
    assert found.residual == pytest.approx(SDS.residual, rel=0.03)
    assert found.subject == pytest.approx(SDS.subject, rel=0.3)
    assert found.item_slope == pytest.approx(SDS.item_slope, rel=0.6)
    without = components_of(fit_mixed(data, "response ~ condition + (1 | subject) + (1 | item)"), "condition")
    assert without.subject_slope == 0 and without.item_slope == 0


def test_mistakes() -> None:
    with pytest.raises(InputError, match="items: found 7, an odd number; expected an even number"):
        power_table(10, SDS, [8], [7])
    with pytest.raises(InputError, match="subjects: found 2; expected 4 or more"):
        power_table(10, SDS, [2], [8])
    with pytest.raises(InputError, match="standard deviation residual: found 0"):
        Components(subject=1, item=1, subject_slope=1, item_slope=1, residual=0)


def test_the_command_takes_the_effect_from_a_runs_contrasts(tmp_path, capsys, monkeypatch) -> None:
    """1.5 bits at 20 ms a bit are 30 ms."""
    (tmp_path / "run" / "analysis").mkdir(parents=True)
    (tmp_path / "run" / "manifest.json").write_text("{}")
    (tmp_path / "run" / "analysis" / "cloze-contrasts.csv").write_text(
        "contrast,at,measure,estimate\nb − a,,surprisal,1.5\nb − a,,cloze,0.2\nc − a,,surprisal,9\n"
    )
    sds = "subject=60,item=30,subject_slope=20,item_slope=15,residual=100"
    common = ["power", "--run", str(tmp_path / "run"), "--sd", sds, "--per-bit", "20", "--simulations", "4"]
    common += ["--subjects", "8,12", "--items", "8", "--output", str(tmp_path / "out")]
    assert command([*common, "--contrast", "b − a"], monkeypatch) == 0
    assert "effect   30\n" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "power.csv")
    assert table["subjects"].tolist() == [8, 12] and table["simulations"].tolist() == [4, 4]
    assert table["analytic"].iloc[0] == pytest.approx(analytic_power(30, SDS, 8, 8, design="latin_square"))
    assert (tmp_path / "out" / "power.pdf").stat().st_size > 1000
    assert command([*common, "--contrast", "a − b"], monkeypatch) == 2
    assert "found 0 rows; expected one of 'b − a' at '', 'c − a' at ''" in capsys.readouterr().err
    assert command([*common, "--effect", "3"], monkeypatch) == 2


def command(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    from psylm.cli.main import main

    monkeypatch.setattr(sys, "argv", ["psylm", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
