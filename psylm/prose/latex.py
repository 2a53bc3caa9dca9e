"""Tables as LaTeX: files of `analysis/` that a paper includes with LaTeX's input command."""

from __future__ import annotations

import re

import pandas as pd

from psylm.prose.columns import ITALIC, Column, shown

MANY_COLUMNS = 7
"""A table of more columns is set in smaller type."""

ONE_PAGE = 40
"""A table of more rows is a `longtable`, which goes on over pages."""

COMMANDS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"$<$", ">": r"$>$", "|": r"$|$", '"': "''",
    "−": r"$-$", "×": r"$\times$", "±": r"$\pm$", "≤": r"$\leq$", "≥": r"$\geq$", "∞": r"$\infty$", "→": r"$\to$",
    "α": r"$\alpha$", "β": r"$\beta$", "Δ": r"$\Delta$", "µ": r"$\mu$", "μ": r"$\mu$", "ρ": r"$\rho$", "τ": r"$\tau$",
    "…": r"\ldots{}",
}  # fmt: skip
"""What stands for characters that LaTeX takes for commands, or that its 8-bit fonts lack."""

UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def escape(text: str) -> str:
    r"""Write a text so that LaTeX prints it as it is.

    Characters of other scripts stay as they are: they need XeLaTeX or LuaLaTeX, and a font that has them.

    Examples
    --------
    >>> print(escape("a_b & 50% {x} −1 \\input"))
    a\_b \& 50\% \{x\} $-$1 \textbackslash{}input
    """
    return "".join(COMMANDS.get(character, character) for character in UNPRINTABLE.sub(" ", text))


def latex_table(table: pd.DataFrame, caption: str, label: str) -> str:
    r"""Write a table in the style of `booktabs`.

    Parameters
    ----------
    table
        A table of an analysis module; its columns and numbers are shown as in the report.
    caption
        What the table is. What all rows have in common is added.
    label
        For ``\ref``.

    Returns
    -------
    str
        A `table`, or beyond `ONE_PAGE` rows a `longtable`.

    Examples
    --------
    >>> print(latex_table(pd.DataFrame({"condition": ["a_1"], "mean": [-0.5], "n": [48]}), "Means", "tab:means"))
    % \usepackage{booktabs}
    \begin{table}
    \centering
    \caption{Means.}
    \label{tab:means}
    \begin{tabular}{lrr}
    \toprule
    condition & mean & \textit{n} \\
    \midrule
    a\_1 & $-$0.500 & 48 \\
    \bottomrule
    \end{tabular}
    \end{table}
    <BLANKLINE>
    """
    found = shown(table)
    common = "; ".join(f"{name}: {value}" for name, value in found.constants.items())
    title = f"\\caption{{{escape(caption)}.{f' {escape(common)}.' if common else ''}}}"
    named = f"\\label{{{re.sub(r'[^A-Za-z0-9:.-]+', '-', label)}}}"
    columns = "".join("r" if column.numeric else "l" for column in found.columns)
    head = ["\\toprule", _row([_heading(column) for column in found.columns]), "\\midrule"]
    small = ["\\footnotesize"] if len(found.columns) > MANY_COLUMNS else []
    rows = [_row([escape(column.texts[row]) for column in found.columns]) for row in range(found.rows)]
    if found.rows > ONE_PAGE:
        lines = [
            "% \\usepackage{booktabs, longtable}", "\\begingroup", *small, f"\\begin{{longtable}}{{{columns}}}",
            f"{title} {named} \\\\", *head, "\\endfirsthead",
            *head, "\\endhead", *rows, "\\bottomrule", "\\end{longtable}", "\\endgroup",
        ]  # fmt: skip
    else:
        lines = [
            "% \\usepackage{booktabs}", "\\begin{table}", "\\centering", *small, title, named,
            f"\\begin{{tabular}}{{{columns}}}", *head, *rows, "\\bottomrule", "\\end{tabular}", "\\end{table}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _heading(column: Column) -> str:
    first, space, rest = column.name.partition(" ")
    return f"\\textit{{{escape(first)}}}{space}{escape(rest)}" if column.name in ITALIC else escape(column.name)


def _row(cells: list[str]) -> str:
    """Join cells to a row; one that begins with a bracket would else be read as an option of the row before."""
    guarded = [f"{{}}{cells[0]}" if cells[0][:1] in ("[", "*") else cells[0], *cells[1:]] if cells else []
    return " & ".join(guarded) + " \\\\"
