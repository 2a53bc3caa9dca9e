"""Natural Stories: whole texts with self-paced reading times (Futrell et al. 2021)."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from psylm.stimuli.readers.registry import Tables, reader


@reader("naturalstories")
def naturalstories(files: list[Path]) -> Tables:
    """Read Natural Stories (Futrell et al. 2021): each text as one item, and the mean reading time of each word."""
    words, times = (pd.read_csv(file, sep="\t", quoting=csv.QUOTE_NONE, dtype=str) for file in files)
    texts = words.groupby("item", sort=False)["word"].agg(" ".join)
    items = pd.DataFrame({"item": texts.index, "sentence": texts.to_numpy()})
    human = pd.DataFrame(
        {
            "item": times["item"],
            "measure": "self_paced_reading",
            "value": times["meanItemRT"],
            "sd": times["sdItemRT"],
            "n": times["nItem"],
            "word_id": (times["zone"].astype(int) - 1).astype(str),
        }
    )
    return items.set_index(pd.RangeIndex(2, len(items) + 2, name="row")), human
