"""Figures: pictures compared with those in `tests/figures/images`, what is drawn with the numbers."""

from __future__ import annotations

import math
import shutil
import subprocess
import warnings
from itertools import combinations
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from matplotlib import pyplot as plt
from matplotlib.collections import PathCollection
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text
from scipy import stats

from psylm.common.errors import InputError, PsylmError
from psylm.figures import labels
from psylm.figures.calibration import calibration_caption, calibration_curve
from psylm.figures.conditions import condition_means
from psylm.figures.forest import forest, proportions
from psylm.figures.regions import regions, regions_caption
from psylm.figures.scatter import agreement
from psylm.figures.style import (
    COLOURS,
    DASHES,
    GREYS,
    JAPANESE_FONTS,
    MARKERS,
    OKABE_ITO,
    SINGLE,
    fit_legends,
    installed,
    new_figure,
    save,
    series,
    styled,
)
from psylm.stats.inference.correlation import Correlation
from psylm.stats.inference.intervals import within_intervals
from tests.figures.drawings import DRAWINGS, drawn, geometry, picture
from tests.figures.figure_tables import ACCURACY, BINS, EFFECTS, ITEMS, PAIRS, REGIONS

pytestmark = pytest.mark.slow


TOLERANCE = 1.0
"""Root of the mean squared difference, of 255. Another build of Agg rounds edges by less; an interval that ends one
pixel farther is more (the last test of this section)."""

japanese = pytest.mark.skipif(not installed(JAPANESE_FONTS), reason="no font with Japanese characters is installed")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


# Pictures


@pytest.mark.parametrize("greyscale", [False, True], ids=["colour", "grey"])
@pytest.mark.parametrize("name", DRAWINGS)
def test_the_picture_is_the_one_that_was_looked_at(name, greyscale, tmp_path):
    geometry(drawn(name, greyscale=greyscale), tmp_path / "now.png")
    before = shutil.copy(picture(name, greyscale=greyscale), tmp_path / "before.png")
    assert compare_images(str(before), str(tmp_path / "now.png"), TOLERANCE) is None
    if greyscale:
        colours = matplotlib.image.imread(tmp_path / "now.png")[..., :3]
        assert (np.ptp(colours, axis=-1) == 0).all(), "there is colour in it"


def test_a_changed_interval_is_another_picture(tmp_path):
    table = EFFECTS.copy()
    table.loc[0, "high"] += 0.02  # a pixel and a half
    with styled():
        forest(table, "name", hue="who", groups=["model", "people"])
    geometry(plt.gcf(), tmp_path / "now.png")
    before = shutil.copy(picture("effects", greyscale=False), tmp_path / "before.png")
    assert compare_images(str(before), str(tmp_path / "now.png"), TOLERANCE) is not None


@pytest.mark.parametrize("language", ["en", pytest.param("ja", marks=japanese)])
@pytest.mark.parametrize("name", DRAWINGS)
def test_no_text_is_cut_hidden_by_another_or_without_a_glyph(name, language):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = drawn(name)
        labels.translate(figure, language)
        fit_legends(figure)
        figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    boxes = {text: text.get_window_extent(renderer) for text in shown(figure)}
    for text, box in boxes.items():
        assert box.x0 > -1 and box.y0 > -1 and box.x1 < figure.bbox.x1 + 1 and box.y1 < figure.bbox.y1 + 1, text
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across < 1 or up < 1, (one.get_text(), other.get_text())
    assert any(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)


def shown(figure) -> list[Text]:
    """Return the texts of a figure that can be seen, tick labels within the limits of their axis among them."""
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.findobj(Text))]
    for axes in figure.axes:
        found += [*axes.texts, axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label]
        found += axes.get_legend().findobj(Text) if axes.get_legend() else []
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = [tick for tick in axis.get_major_ticks() if min(limits) <= tick.get_loc() <= max(limits)]
            found += [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


# Style


def lightness(colour: str) -> float:
    """CIE L* of a colour, by the definition of sRGB and CIE 15."""
    r, g, b = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    y = sum(
        weight * (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
        for weight, value in ((0.2126, r), (0.7152, g), (0.0722, b))
    )
    return 116 * y ** (1 / 3) - 16 if y > (6 / 29) ** 3 else y * (29 / 3) ** 3


def test_greys_are_told_apart_by_their_lightness():
    shades = [lightness(grey) for grey in GREYS]
    assert shades == pytest.approx([0, 35, 57, 75], abs=0.6)
    assert min(np.diff(shades)) >= 18 and 100 - shades[-1] >= 18
    colours = [lightness(colour) for colour in OKABE_ITO[:3]]
    assert np.ptp(colours) < 12, "if colours alone told series apart in print, greys would not be needed"


@pytest.mark.parametrize("greyscale", [False, True])
def test_seven_series_differ_in_shape_and_in_more_than_colour(greyscale):
    with styled(greyscale=greyscale):
        looks = [series(number) for number in range(7)]
    assert len({look["marker"] for look in looks}) == 7 == len(MARKERS)
    assert all(a["linestyle"] != b["linestyle"] for a, b in combinations(looks[: len(DASHES)], 2))


def test_colours_follow_the_style_and_come_back_after_it():
    with pytest.raises(ZeroDivisionError), styled(greyscale=True):
        assert list(COLOURS) == list(GREYS)
        assert new_figure(SINGLE, 2)[1][0].plot([1, 2])[0].get_color() == GREYS[0]
        _ = 1 / 0
    assert list(COLOURS) == list(OKABE_ITO) and COLOURS[:2] == OKABE_ITO[:2]


@pytest.mark.parametrize("language", ["en", pytest.param("ja", marks=japanese)])
def test_text_of_a_pdf_is_text_in_embedded_fonts(language, tmp_path):
    with styled():
        figure, (axes,) = new_figure(SINGLE, 2.0)
        axes.set_xlabel("Surprisal (bits)")
        labels.translate(figure, language)
        written = save(figure, tmp_path / "figure")
    assert [path.suffix for path in written] == [".pdf", ".svg", ".png"]
    content = written[0].read_bytes()
    assert b"/FontFile2" in content and b"/Type3" not in content
    wanted = "サプライザル（ビット）" if language == "ja" else "Surprisal (bits)"
    assert wanted in written[1].read_text(encoding="utf-8")
    if shutil.which("pdffonts") and shutil.which("pdftotext"):
        rows = subprocess.run(["pdffonts", written[0]], capture_output=True, text=True, check=True).stdout.splitlines()
        assert len(rows) > 2 and all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows[2:]), rows
        text = subprocess.run(["pdftotext", written[0], "-"], capture_output=True, text=True, check=True).stdout
        assert wanted in text


def test_a_format_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(InputError, match="found 'eps'; expected some of pdf, svg, png"):
        save(new_figure(SINGLE, 2.0)[0], tmp_path / "figure", ["eps"])
    assert not list(tmp_path.iterdir())


@japanese
def test_a_legend_wider_than_its_figure_gets_more_rows():
    with styled():
        figure, (axes,) = new_figure(SINGLE, 2.0)
        for number in range(4):
            axes.plot([0, 1], label=f"a rather long name of a condition, {number}")
        figure.legend(loc="outside upper center", ncols=4)
    fit_legends(figure)
    (legend,) = figure.legends
    assert legend.get_window_extent().width <= figure.bbox.width
    assert [text.get_text()[-1] for text in legend.get_texts()] == ["0", "1", "2", "3"]


# Languages


@japanese
@pytest.mark.parametrize("name", [name for name in DRAWINGS if not name.startswith("positions")])
def test_every_label_of_an_axis_has_its_japanese(name):
    figure = drawn(name)
    labels.translate(figure, "ja")
    for axes in figure.axes:
        for text in (axes.get_xlabel(), axes.get_ylabel()):
            assert not text or text == "completion" or any("぀" <= letter <= "鿿" for letter in text), text


def test_japanese_needs_a_font(monkeypatch):
    monkeypatch.setattr(labels, "JAPANESE_FONTS", ("No Such Font",))
    with pytest.raises(PsylmError, match="found no font with Japanese characters; expected one of No Such Font"):
        labels.translate(plt.figure(), "ja")
    with pytest.raises(InputError, match="found 'fr'; expected one of en, ja"):
        labels.check_language("fr")


def test_templates_of_labels_have_as_many_places_in_both_languages():
    for table in labels.LANGUAGES.values():
        for english, other in table.items():
            assert english.count("{}") == other.count("{}")


# What is drawn


def bars(axes) -> list[list[list[float]]]:
    """Return the ends of every vertical interval, a list a series."""
    return [
        [segment[:, 1].tolist() for segment in container.lines[2][0].get_segments()] for container in axes.containers
    ]


@pytest.mark.parametrize("within", [False, True])
def test_regions_are_drawn_with_the_interval_asked_for(within):
    axes = regions(REGIONS, groups=["ungrammatical", "grammatical"], within=within, marked=["verb"])
    low, high = ("within_low", "within_high") if within else ("low", "high")
    for condition, container, ends in zip(["ungrammatical", "grammatical"], axes.containers, bars(axes), strict=True):
        rows = REGIONS[REGIONS["condition"] == condition]
        assert container.get_label() == condition
        assert container.lines[0].get_ydata().tolist() == rows["estimate"].tolist()
        assert ends == [pytest.approx(end) for end in rows[[low, high]].to_numpy().tolist()]
    (shade,) = axes.patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (1.5, 2.5)
    assert ("Cousineau-Morey" in regions_caption(REGIONS, "x", within=within)) == within
    assert "n = 24 items" in regions_caption(REGIONS, "x", within=within)


def test_a_region_that_a_condition_lacks_is_left_out_of_its_line():
    table = REGIONS.drop(index=1)
    first, second = (container.lines[0].get_xdata() for container in regions(table).containers)
    assert np.round(first).tolist() == [0, 1, 2] and len(second) == 4  # the order is that of the table
    order = ["subject", "modifier", "verb", "rest"]
    assert np.round(regions(table, order=order).containers[0].lines[0].get_xdata()).tolist() == [0, 2, 3]


def test_effects_are_open_where_the_interval_holds_zero():
    axes = forest(EFFECTS, "name", hue="who", groups=["model", "people"])
    spans = [list(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2][:-1]
    assert sorted(spans) == sorted(EFFECTS[["low", "high"]].to_numpy().tolist())
    faces = {line.get_xdata()[0]: line.get_markerfacecolor() for line in axes.lines if len(line.get_xdata()) == 1}
    assert {estimate for estimate, face in faces.items() if face == "white"} == {0.02}
    assert axes.get_ylim() == (1.5, -0.5), "the first row is on top"


def test_accuracy_is_drawn_with_chance_and_people():
    axes = proportions(ACCURACY, "name", chance=0.5)
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["chance"].get_xdata()) == [0.5, 0.5]
    assert list(lines["people"].get_xdata()) == [0.97, 0.95] and list(lines["people"].get_ydata()) == [0, 1]
    spans = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "None"][:3]
    assert spans == ACCURACY[["low", "high"]].to_numpy().tolist()


def test_the_line_and_its_band_are_those_of_the_regression():
    found = Correlation(0.9, 0.8, 0.95, 0.001, 40)
    axes = agreement(PAIRS["people"], PAIRS["model"], PAIRS["word"], outliers=3, found=found)
    line = axes.lines[1]
    fit = sm.OLS(PAIRS["model"], sm.add_constant(PAIRS["people"])).fit()
    grid = sm.add_constant(np.asarray(line.get_xdata()))
    predicted = fit.get_prediction(grid)
    assert line.get_ydata() == pytest.approx(predicted.predicted)
    band = axes.collections[0].get_paths()[0].vertices
    bounds = predicted.conf_int()
    for x, low, high in zip(grid[:, 1], bounds[:, 0], bounds[:, 1], strict=True):
        there = band[np.isclose(band[:, 0], x), 1]
        assert there.min() == pytest.approx(low) and there.max() == pytest.approx(high)
    assert axes.get_title(loc="left") == "ρ = .90, 95% CI [.80, .95], n = 40"
    farthest = PAIRS["word"][np.argmax(np.abs(fit.resid))]
    assert farthest == axes.texts[0].get_text() and len(axes.texts) == 3


@pytest.mark.parametrize("most", [0, 1, 4])
def test_as_many_items_are_labelled_as_asked_for(most):
    assert len(agreement(PAIRS["people"], PAIRS["model"], PAIRS["word"], outliers=most).texts) == most


def test_a_constant_measure_or_missing_items_are_drawn_without_a_line():
    axes = agreement([1.0, 1.0, 1.0, math.nan], [1.0, 2.0, 3.0, 4.0], list("abcd"))
    assert len(axes.lines) == 1 and len(axes.lines[0].get_xdata()) == 3


def test_means_and_intervals_by_condition_are_those_of_student():
    levels = ["expected", "within", "between"]
    axes = condition_means(ITEMS, "completion", levels, hue="constraint", groups=["high", "low"])
    cells = ITEMS.groupby(["constraint", "completion"])["value"]
    for constraint, container, ends in zip(["high", "low"], axes.containers, bars(axes), strict=True):
        for level, mean, (low, high) in zip(levels, container.lines[0].get_ydata(), ends, strict=True):
            values = cells.get_group((constraint, level))
            assert mean == pytest.approx(values.mean())
            assert (low, high) == pytest.approx(stats.t.interval(0.95, 11, values.mean(), stats.sem(values)))


def test_calibration_is_drawn_against_the_diagonal():
    axes = calibration_curve(BINS, group="name")
    assert list(axes.lines[0].get_xdata()) == list(axes.lines[0].get_ydata()) == [0, 1]
    curves = [one for one in axes.collections if isinstance(one, PathCollection)]
    for name, points in zip("AB", curves, strict=True):
        rows = BINS[BINS["name"] == name]
        assert points.get_offsets().tolist() == rows[["predicted", "observed"]].to_numpy().tolist()
        assert points.get_sizes() / points.get_sizes()[0] == pytest.approx(rows["n"] / 300)
    assert "n = 30 to 300" in calibration_caption(BINS, "x")


# Intervals within items


def test_intervals_of_two_conditions_are_those_of_the_paired_test():
    """With two conditions, the half width is that of the paired difference over the root of 2 (Morey 2008)."""
    rng = np.random.default_rng(3)
    wide = pd.DataFrame(rng.normal(size=(20, 2)) + rng.normal(0, 9, size=(20, 1)), columns=["a", "b"])
    paired = stats.ttest_rel(wide["a"], wide["b"]).confidence_interval()
    half = (paired.high - paired.low) / 2 / math.sqrt(2)
    table = within_intervals(wide)
    assert (table["high"] - table["estimate"]).tolist() == pytest.approx([half, half])
    assert table["estimate"].tolist() == pytest.approx(wide.mean().tolist())


def test_differences_between_items_do_not_widen_them_and_items_with_gaps_are_left_out():
    rng = np.random.default_rng(4)
    wide = pd.DataFrame(rng.normal(size=(12, 4)))
    moved = wide.add(rng.normal(0, 100, 12), axis="index")
    width = within_intervals(wide).eval("high - low")
    assert within_intervals(moved).eval("high - low").to_numpy() == pytest.approx(width.to_numpy())
    moved.iloc[3, 2] = math.nan
    assert within_intervals(moved)["n"].eq(11).all()
    assert within_intervals(wide[[0]])[["low", "high"]].isna().all(axis=None)


# The command's options, on a run


@japanese
def test_a_run_is_drawn_grey_in_japanese_and_one_column_wide(tmp_path):
    from psylm.common.study import Study
    from psylm.reporting.analyses import write_figures, write_tables
    from tests.reporting.test_page import write_run

    load = Study(None).analysis_module
    run = write_run(tmp_path / "made", models=("file:a",))
    write_tables(run, load)
    written = write_figures(
        run, load, folder=tmp_path / "print", formats=["png", "svg"], width=SINGLE, greyscale=True, language="ja"
    )
    assert {path.suffix for path in written} == {".png", ".svg"} and len(written) == 14
    for path in written:
        if path.suffix == ".png":
            image = matplotlib.image.imread(path)[..., :3]
            assert (np.ptp(image, axis=-1) == 0).all() and image.shape[1] == int(SINGLE * 300)
    texts = "".join(path.read_text(encoding="utf-8") for path in written if path.suffix == ".svg")
    assert "標的語のサプライザル（ビット）" in texts and "Surprisal" not in texts
    assert (tmp_path / "print" / "captions.json").is_file() and not (run.path / "figures").exists()
    assert Path(written[0]).parent == tmp_path / "print"
