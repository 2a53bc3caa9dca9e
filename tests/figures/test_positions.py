"""Figures of position encodings show what they say: the values drawn are those of the definitions."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt

import psylm
from psylm.common.study import Study
from psylm.figures import positions
from psylm.figures.learning import losses, trajectory
from psylm.scratch.positions import sinusoidal
from psylm.training.shuffled import position_losses

RECIPE = """\
name: positions
corpus: {grammar: 200}
tokenizer: {kind: word, size: 300}
models:
  GPT-learned: {architecture: gpt, layers: 1, width: 16, heads: 2}
  BERT-none: {architecture: roberta, layers: 1, width: 16, heads: 2, positions: none}
context: 16
batch: 4
steps: 4
"""


def test_the_gram_matrix_of_whole_cycles_is_the_identity() -> None:
    left, right = (panel.images[0].get_array() for panel in positions.orthogonality(64, 8).axes[:2])
    np.testing.assert_allclose(left, np.eye(8), atol=1e-6)
    table = sinusoidal(64, 8).numpy()
    expected = table.T @ table / np.outer(np.linalg.norm(table, axis=0), np.linalg.norm(table, axis=0))
    np.testing.assert_allclose(right, expected, atol=1e-5)
    plt.close("all")


def test_products_from_every_position_lie_on_one_curve() -> None:
    figure = positions.shifts(width=32, positions=(0, 50), longest=20)
    curve, *measured = figure.axes[0].lines
    by_shift = dict(zip(curve.get_xdata().tolist(), curve.get_ydata().tolist(), strict=True))
    assert len(measured) == 2
    for line in measured:
        for shift, product in zip(line.get_xdata().tolist(), line.get_ydata().tolist(), strict=True):
            assert product == pytest.approx(by_shift[shift], abs=1e-4)
    plt.close("all")


def test_arrows_end_where_the_later_position_is() -> None:
    figure = positions.turning(width=8, shift=4, positions=(0, 3), pairs=(0, 1))
    table = sinusoidal(8, 8)
    for pair, panel in enumerate(figure.axes):
        for start, arrow in zip((0, 3), panel.texts, strict=True):
            sine, cosine = table[start + 4, 2 * pair : 2 * pair + 2].tolist()
            assert arrow.xy == pytest.approx((cosine, sine), abs=1e-5)
    plt.close("all")


def test_what_is_lost_without_positions(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / "training"
    folder.mkdir(parents=True)
    (folder / "positions.yaml").write_text(RECIPE)
    psylm.train("positions", output=tmp_path / "trained", study=Study(tmp_path))
    table = position_losses(tmp_path / "trained", rows=20).set_index(["architecture", "encoding", "positions"])["loss"]
    assert table["BERT", "none"].nunique() == 1  # it was told of none
    assert table["GPT", "learned"].nunique() == 3
    figure = positions.broken(table.reset_index())
    drawn = sorted(float(x) for line in figure.axes[0].lines for x in line.get_xdata())
    assert drawn == pytest.approx(sorted(table["BERT"]))
    plt.close("all")


def test_curves_of_learning() -> None:
    log = pd.DataFrame(
        {
            "model": ["a", "a", "b"],
            "tokens": [10, 20, 10],
            "loss": [3.0, 2.0, 4.0],
            "validation_loss": [np.nan, 2.5, 4.5],
        }
    )
    lines = losses(log).lines
    assert [line.get_ydata().tolist() for line in lines] == [[3.0, 2.0], [2.5], [4.0], [4.5]]
    means = pd.DataFrame({"g": "x", "tokens": [100, 10], "estimate": [0.9, 0.5], "low": [0.8, 0.4], "high": [1.0, 0.6]})
    axes = trajectory(means, "g", axes=plt.figure().add_subplot())
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.9] and axes.get_xscale() == "log"
    band = axes.collections[0].get_paths()[0].vertices
    assert {round(y, 6) for y in band[:, 1]} >= {0.4, 0.6, 0.8, 1.0}
    plt.close("all")


def test_the_encoding_is_drawn_as_it_is() -> None:
    image = positions.encoding(16, 20).axes[0].images[0].get_array()
    assert torch.allclose(torch.tensor(np.asarray(image)), sinusoidal(20, 16))
    plt.close("all")
