"""Scores on a terminal: a word a row, coloured by how unexpected it is."""

from __future__ import annotations

import math

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

UNITS = {"surprisal": "bits", "sentence_surprisal": "bits", "entropy": "bits", "entropy_reduction": "bits"}
"""Units that are shown beside the name of a measure."""

COLOURS = ((4.0, "green"), (8.0, "yellow"), (12.0, "dark_orange"), (math.inf, "red"))
"""Colours of surprisals below so many bits: a word among 16, 256, 4,096 and more."""


def show_scores(console: Console, scores: pd.DataFrame) -> None:
    """Print what `psylm.score` returned, sentence by sentence.

    Parameters
    ----------
    console
        Where to.
    scores
        The table.
    """
    for (_, sentence), rows in scores.groupby(["sentence_id", "sentence"], sort=False):
        names = list(dict.fromkeys(rows["measure"]))
        noted = bool((rows["note"] != "").any())
        table = Table(box=None, pad_edge=False, title=Text(str(sentence), style="bold"), title_justify="left")
        table.add_column("word")
        for name in names:
            table.add_column(f"{name} ({UNITS[name]})" if name in UNITS else name, justify="right")
        if noted:
            table.add_column("note", style="dim")
        for (_, _, word), mine in rows.groupby(["region", "word_id", "word"], sort=False):
            values = dict(zip(mine["measure"], mine["value"], strict=True))
            note = "; ".join(dict.fromkeys(note for note in mine["note"] if note))
            cells = [_cell(name, values.get(name, math.nan)) for name in names]
            table.add_row(Text(str(word) or "(sentence)"), *cells, *([note] if noted else []))
        console.print(table)


def _cell(name: str, value: float) -> Text:
    if math.isnan(value):
        return Text("–", style="dim")
    colour = next(colour for limit, colour in COLOURS if value < limit) if name == "surprisal" else ""
    return Text(f"{value:.2f}", style=colour)
