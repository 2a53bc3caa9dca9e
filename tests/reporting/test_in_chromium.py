"""The report in a real browser: nothing leaves the page, tables sort, and a click on a point shows the item."""

from __future__ import annotations

import json

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from psylm.reporting.analyses import write_tables
from psylm.reporting.page import write_report
from psylm.runs.run import COLUMNS, KINDS, Run, write_json
from tests.chromium import CHROMIUM, Chromium
from tests.reporting.test_page import HOSTILE, LOAD, write_run

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")]

BREAKOUT = "</script><script>console.error('obeyed')</script><!--<img src=https://example.org/x.png onerror=alert(1)>"


def add_words(run: Run) -> None:
    """Give the run a score of every word, and make one item's texts hostile."""
    items = run.items("made/up")
    items.loc[items["item"] == "7", "sentence"] = f"A {BREAKOUT} word 猫."
    items["start"] = [sentence.index("word") for sentence in items["sentence"]]
    items.to_parquet(run.path / "stimuli/made/up/items.parquet")
    results = run.results
    rows = [
        {"experiment": "made", "model": model, "stimuli": "made/up", "item": one.item, "condition": one.condition,
         "region": "target" if word == "word" else "sentence", "word_id": number, "word": word, "measure": "surprisal",
         "value": float(number) + (model == "file:b"), "note": ""}
        for one in items.itertuples() for model in run.model_names
        for number, word in enumerate(one.sentence.split()) if word != "word"
    ]  # fmt: skip
    results.loc[(results["region"] == "target"), "word_id"] = results["item"].map(
        {one.item: one.sentence.split().index("word") for one in items.itertuples()}
    )
    both = pd.concat([results, pd.DataFrame(rows)])[COLUMNS].astype(KINDS)
    both.to_parquet(run.path / "results.parquet")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = Chromium(tmp_path_factory.mktemp("profile"))
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("runs") / "made", items=12)
    add_words(run)
    write_tables(run, LOAD)
    (run.path / "figures").mkdir()
    matplotlib.image.imsave(run.path / "figures" / "a.png", np.random.default_rng(1).random((300, 400, 3)))
    write_json(run.path / "figures" / "captions.json", {"a": BREAKOUT})
    return write_report(run, LOAD)


@pytest.fixture
def page(browser, report):
    browser.show(report)
    yield browser
    assert browser.messages == []
    addresses = list(browser.requests.values())
    assert all(address.startswith(("file:", "data:image/png")) for address in addresses)
    assert sum(address.startswith("file:") for address in addresses) == 1


def text(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).innerText")


def texts(page, selector):
    return page.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(one => one.innerText)")


def column(page, number):
    return texts(page, f"table.sortable tbody tr td:nth-child({number + 1})")


def numbers(page, number):
    return [float(one.replace("−", "-")) for one in column(page, number)]


def test_the_page_loads_without_a_message_or_a_request(page):
    assert page.run("document.images.length") == page.run("[...document.images].filter(i => i.naturalWidth).length") > 0
    assert page.run("document.title") == HOSTILE


def test_the_policy_forbids_what_the_page_does_not_need(browser, report):
    browser.show(report)
    browser.run(
        "document.body.append(Object.assign(document.createElement('img'), {src: 'https://example.org/a.png'}))"
    )
    browser.run("document.body.append(Object.assign(document.createElement('script'), {text: 'window.obeyed = 1'}))")
    browser.run("fetch('https://example.org/').catch(() => 0)")
    browser.run("new Promise(done => setTimeout(done, 100))")
    assert browser.run("window.obeyed") is None
    refused = [message for message in browser.messages if "Content Security Policy" in message]
    assert all(any(kind in one for one in refused) for kind in ("img-src", "script-src", "connect-src"))
    outside = {number for number, address in browser.requests.items() if address.startswith("https:")}
    assert outside <= browser.refused


def test_a_table_sorts_by_click_and_by_key(page):
    page.run(
        "document.querySelectorAll('.wide:not([aria-label=cloze-conditions]) .sortable').forEach(one => one.remove())"
    )
    headings = texts(page, "table.sortable th")
    place = next(n for n, name in enumerate(headings) if name.startswith("mean"))
    button = f"table.sortable th:nth-child({place + 1}) button"
    before = numbers(page, place)
    page.click(button)
    assert numbers(page, place) == sorted(before) != before
    assert page.run(f"document.querySelector({json.dumps(button)}).closest('th').ariaSort") == "ascending"
    page.run(f"document.querySelector({json.dumps(button)}).focus()")
    page.press("Enter")
    assert numbers(page, place) == sorted(before, reverse=True)
    assert page.run(f"document.querySelector({json.dumps(button)}).closest('th').ariaSort") == "descending"
    page.click("table.sortable th:first-child button")
    assert column(page, 0) == sorted(column(page, 0))


def test_what_is_missing_is_sorted_last(page):
    page.run("""
      document.querySelectorAll(".wide:not([aria-label=cloze-conditions]) .sortable").forEach(one => one.remove());
      const cells = document.querySelectorAll("table.sortable tbody tr:first-child td.number");
      cells.forEach(cell => { cell.dataset.key = ""; cell.textContent = "gone"; });""")
    button = "table.sortable th.number button"
    for _ in range(2):
        page.click(button)
        assert texts(page, "table.sortable tbody tr td.number")[0] != "gone"
        assert texts(page, "table.sortable tbody tr:last-child td.number")[0] == "gone"


def test_the_csv_that_is_downloaded_is_the_file(page, report):
    link = page.run("(link => [link.download, link.href])(document.querySelector('a[download]'))")
    content = page.run(
        f"new TextDecoder().decode(Uint8Array.from(atob({json.dumps(link[1])}.split(',')[1]), c => c.charCodeAt()))"
    )
    assert content == (report.parent / "analysis" / link[0]).read_text()


def test_a_click_on_a_point_shows_its_item_with_words_and_completions(page, report):
    page.choose("#choose-x", "p:cloze")
    page.choose("#choose-y", "m:surprisal")
    assert page.run("document.querySelectorAll('#plot .point').length") == 23  # of 24 trials one has no value
    page.click("#plot .point[data-index='3']")
    assert text(page, "#panel h3") == "1, file:a"
    assert texts(page, "#panel .condition") == ["good", "bad"]
    assert text(page, "#panel .trial.chosen .condition") == "bad"
    shown = texts(page, "#panel .trial.chosen .word")
    words = f"A {HOSTILE} bad word 猫.".split()
    assert [one.split("\n")[0] for one in shown] == words
    assert [one.split("\n")[1] for one in shown[:3]] == ["0.0", "1.0", "2.0"]
    assert text(page, "#panel .trial.chosen .word.target").startswith("word\n")
    shades = page.run(
        "[...document.querySelectorAll('#panel .trial.chosen .word')].map(one => getComputedStyle(one).backgroundColor)"
    )
    assert shades[0] != shades[2] and len(set(shades)) > 3
    assert texts(page, "#panel .completions tbody td")[:2] == [HOSTILE, "0.5000"]
    rows = page.run(
        "[...document.querySelectorAll('#panel .wide tr')].filter(row => row.cells.length > 2)"
        ".map(row => [row.cells[0].innerText, row.cells[2].innerText])"
    )
    results = Run(report.parent).results.query("model == 'file:a' and item == '1' and condition == 'bad'")
    target = results[results["region"] == "target"].set_index("measure")["value"]
    assert ["target", "word"] in rows and ["rank", "5"] in rows
    assert ["surprisal (bits)", f"{target['surprisal']:.2f}"] in rows
    people = Run(report.parent).human("made/up").query("item == '1' and condition == 'bad' and measure == 'rt'")
    assert ["rt (ms)", f"{people['value'].iloc[0]:.1f}"] in rows


def test_hostile_texts_are_shown_as_they_are(page):
    page.type("#search", BREAKOUT[:20])
    page.press("Enter")
    assert text(page, "#panel h3") == "7, file:a"
    assert "console.error('obeyed')" in text(page, "#panel .text").replace("\n", "")
    assert page.run("document.querySelectorAll('#panel script, #panel img').length") == 0


def test_the_search_box_filters_and_the_keyboard_reaches_points(page):
    page.type("#search", "good")
    assert page.run("document.querySelectorAll('#plot .point:not(.dim)').length") == 12
    assert text(page, "#count").startswith("12 of 24 points")
    page.run("document.querySelector('#plot').focus()")
    page.press("ArrowRight")
    first = text(page, "#tip")
    page.press("ArrowRight")
    assert "good" in first and first != text(page, "#tip")
    item = text(page, "#tip").split(" · ")[0]
    page.press("Enter")
    assert text(page, "#panel h3") == f"{item}, file:a"
    assert page.run("document.activeElement === document.querySelector('#panel h3')")
    page.press("Escape")
    assert page.run("document.querySelector('#panel').hidden && document.activeElement.id") == "plot"


def test_another_model_and_single_words_can_be_chosen(page):
    page.click("#plot .point[data-index='3']")
    page.choose("#choose-model", "file:b")
    assert text(page, "#panel h3") == "1, file:b"
    assert texts(page, "#panel .trial.chosen .word")[0] == "A\n1.0"
    page.choose("#choose-level", "words")
    assert page.run("document.querySelector('#panel').hidden")
    count = page.run("document.querySelectorAll('#plot .point').length")
    assert count > 100
    page.choose("#choose-y", "m:surprisal")
    page.click("#plot .point[data-index='10']")
    assert page.run("document.querySelectorAll('#panel .word.here').length") == 1


def test_ten_thousand_words_fit_on_the_page(browser, tmp_path):
    run = write_run(tmp_path / "made", models=("file:a",), items=10, factors=False)
    rng = np.random.default_rng(2)
    items = run.items("made/up").assign(
        sentence=" ".join(f"word{number}" for number in range(1000)), target="", start=-1
    )
    items.to_parquet(run.path / "stimuli/made/up/items.parquet")
    one = pd.DataFrame({"word_id": range(1000), "word": [f"word{number}" for number in range(1000)]})
    measures = ("surprisal", "entropy", "entropy_reduction")
    words = pd.concat(
        one.assign(item=item, measure=measure, value=rng.exponential(6, 1000))
        for item in items["item"] for measure in measures
    )  # fmt: skip
    words = words.assign(experiment="made", model="file:a", stimuli="made/up", condition="", region="sentence", note="")
    words[COLUMNS].astype(KINDS).to_parquet(run.path / "results.parquet")
    run.manifest["experiment"]["analysis"] = []
    page = write_report(run, LOAD)
    assert page.stat().st_size < 600_000
    browser.show(page)
    assert browser.run("document.querySelectorAll('#plot .point').length") == 10_000
    browser.click("#plot .point[data-index='5500']")
    assert text(browser, "#panel .word.here").startswith("word500\n")
    assert browser.run("document.querySelectorAll('#panel .word').length") == 161
    assert browser.messages == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_page_fits_its_window_and_its_text_can_be_read(browser, report, width, dark):
    browser.show(report, width, 900, dark=dark)
    browser.click("#plot .point[data-index='3']")
    assert browser.run("document.documentElement.scrollWidth") <= width
    for selector in ("body", "#panel .word", "figcaption", "#panel .trial.chosen .word:nth-child(4)"):
        assert contrast(browser, selector) >= 4.5, selector
    assert browser.messages == []


def contrast(browser, selector) -> float:
    """Return the contrast of a text with what is behind it, as WCAG defines it, from the colours as drawn."""
    return browser.run(f"""(() => {{
      const canvas = document.createElement("canvas").getContext("2d", {{ willReadFrequently: true }});
      const layers = [];
      const one = document.querySelector({json.dumps(selector)});
      for (let node = one; node; node = node.parentElement) layers.unshift(getComputedStyle(node).backgroundColor);
      const drawn = colours => {{
        canvas.clearRect(0, 0, 1, 1);
        for (const colour of colours) {{ canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }}
        const light = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255)
          .map(value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
        return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
      }};
      const back = drawn(layers);
      const front = drawn([...layers, getComputedStyle(one).color]);
      return (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
    }})()""")
