"""Tables as the report and LaTeX show them: digits, intervals, and LaTeX that is well formed whatever users write."""

from __future__ import annotations

import math
import re
import shutil
import subprocess

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psylm.prose.columns import shown
from psylm.prose.latex import ONE_PAGE, escape, latex_table

HOSTILE = r"50% of $x_1$ & {b}\input{/etc/passwd} #1 ~^ [x] <|>"


def rows_of(text: str) -> list[list[str]]:
    """Parse a table strictly: environments and braces closed, rules in order, as many cells a row as columns."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    text = "\n".join(lines)
    depth = 0
    for mark in re.findall(r"\\.|[{}]", text.replace("\\\\", "")):
        depth += {"{": 1, "}": -1}.get(mark, 0)
        assert depth >= 0, "a brace is closed that was not opened"
    assert depth == 0, "a brace is left open"
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == [] and text.count("\\begingroup") == text.count("\\endgroup")
    columns = re.search(r"\\begin\{(?:tabular|longtable)\}\{([lr]+)\}", text)
    assert columns
    rules = re.findall(r"\\(toprule|midrule|bottomrule)", text)
    assert rules in (["toprule", "midrule", "bottomrule"], ["toprule", "midrule"] * 2 + ["bottomrule"])
    body = text.split("\\endhead")[-1].split("\\midrule")[-1].split("\\bottomrule")[0]
    heading = text.split("\\toprule")[1].split("\\midrule")[0]
    found = []
    for line in filter(None, (heading + body).splitlines()):
        assert line.endswith(" \\\\") and not line.startswith("["), line
        cells = re.split(r"(?<!\\)&", line.removesuffix(" \\\\"))
        assert len(cells) == len(columns[1])
        found.append([one.strip() for one in cells])
    return found


def table(rows=3, text="a"):
    return pd.DataFrame(
        {"contrast": [f"{text}{n}" for n in range(rows)], "estimate": [-1.2345] * rows, "low": -2.0, "high": 0.5,
         "p": 0.00001, "p_holm": 0.0312, "n": 48}
    )  # fmt: skip


def test_a_latex_table_shows_the_numbers_of_the_report():
    head, first, *_ = rows_of(latex_table(table(), "Contrasts", "tab:contrasts"))
    assert head == ["contrast", "estimate", r"95\% CI", r"\textit{p}", r"\textit{p} (Holm)", r"\textit{n}"]
    assert first == ["a0", "$-$1.23", "[$-$2.00, 0.50]", "$<$ .001", ".031", "48"]
    texts = [column.texts[0] for column in shown(table()).columns]
    assert [escape(text) for text in texts] == first


def test_a_long_table_goes_over_pages_with_its_heading():
    text = latex_table(table(ONE_PAGE + 1), "Contrasts", "tab:contrasts")
    assert len(rows_of(text)) == ONE_PAGE + 2 and "\\endfirsthead" in text and "longtable" in text


def test_what_users_write_is_printed_and_not_obeyed():
    text = latex_table(table(text=HOSTILE).assign(model=HOSTILE), HOSTILE, HOSTILE)
    assert len(rows_of(text)) == 4
    assert set(re.findall(r"\\[a-z]+", text)) <= {
        "\\usepackage", "\\begin", "\\end", "\\centering", "\\caption", "\\label", "\\toprule", "\\midrule", "\\textit",
        "\\bottomrule", "\\textbackslash", "\\textasciitilde", "\\textasciicircum",
    }  # fmt: skip


@given(st.lists(st.text(), min_size=1, max_size=5), st.text())
def test_any_text_gives_a_well_formed_table(cells, caption):
    assert len(rows_of(latex_table(pd.DataFrame({"a": cells, "b": cells}), caption, caption))) == len(cells) + 1


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex is installed")
def test_latex_compiles(tmp_path):
    page = "\\documentclass{article}\\usepackage{booktabs,longtable}\\begin{document}%s\\end{document}"
    text = latex_table(table(50, HOSTILE), HOSTILE, "a") + latex_table(table(3, HOSTILE), HOSTILE, "b")
    (tmp_path / "a.tex").write_text(page % text)
    subprocess.run(["pdflatex", "-halt-on-error", "a.tex"], cwd=tmp_path, check=True, capture_output=True)


def test_digits_follow_what_is_measured():
    rows = pd.DataFrame(
        {"measure": ["surprisal", "cloze", "rt"], "mean": [8.061, 0.00154, 426.09], "low": [6.8, 0.0002, 400.0],
         "high": [9.28, 0.002, 450.5], "df": [46.9999999] * 3, "n": [48, 48, 48]}
    )  # fmt: skip
    columns = {column.name: column.texts for column in shown(rows).columns}
    assert columns["mean"] == ["8.06", "0.00154", "426.1"]
    assert columns["95% CI"] == ["[6.80, 9.28]", "[0.00020, 0.00200]", "[400.0, 450.5]"]
    assert columns["df"] == ["47"] * 3 and columns["n"] == ["48"] * 3


def test_what_all_rows_share_is_said_once_and_what_is_missing_is_left_blank():
    rows = pd.DataFrame(
        {"model": ["m", "m"], "estimate": [math.nan, 1.5], "low": [math.nan] * 2, "high": [math.nan] * 2, "at": None}
    )
    found = shown(rows)
    assert found.constants == {"model": "m"}
    assert [(column.name, column.texts) for column in found.columns] == [("estimate", ["", "1.50"])]
    single = shown(pd.DataFrame({"model": ["m"], "n": [3]}))
    assert single.constants == {} and [column.name for column in single.columns] == ["model", "n"]


def test_an_interval_is_sorted_by_its_lower_end():
    rows = pd.DataFrame({"estimate": [1.0, 2.0], "low": [-10.0, -9.5], "high": [5.5, 6.0]})
    interval = shown(rows).columns[1]
    assert interval.numeric and interval.keys == [-10.0, -9.5]
