"""Pairs of texts with people's ratings of their similarity: JSTS, SICK, STS-B, SimLex-999."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from psylm.stimuli.readers.registry import Tables, reader, text_table


@reader("jsts")
def jsts(files: list[Path]) -> Tables:
    """Read JSTS of JGLUE (Kurihara et al. 2022): pairs of Japanese sentences with the mean of people's ratings."""
    raw = pd.read_json(files[0], lines=True, dtype=False, encoding="utf-8")
    raw.index = pd.RangeIndex(1, len(raw) + 1, name="row")
    return _rated(raw["sentence_pair_id"], raw["sentence1"], raw["sentence2"], raw["label"])


@reader("sick")
def sick(files: list[Path]) -> Tables:
    """Read SICK (Marelli et al. 2014): pairs of English sentences with the mean of people's ratings of relatedness."""
    raw = text_table(files[0], "\t")
    return _rated(raw["pair_ID"], raw["sentence_A"], raw["sentence_B"], raw["relatedness_score"])


@reader("rated_pairs")
def rated_pairs(files: list[Path]) -> Tables:
    """Read pairs with the mean of people's ratings, without a header: STS-B (CSV), SimLex-999 (tab-separated)."""
    separator = "," if files[0].suffix == ".csv" else "\t"
    raw = pd.read_csv(files[0], sep=separator, header=None, dtype=str, keep_default_na=False, encoding="utf-8")
    raw.index = pd.RangeIndex(1, len(raw) + 1, name="row")
    return _rated(raw.index.to_series(), raw[0], raw[1], raw[2])


def _rated(number: pd.Series, first: pd.Series, second: pd.Series, rating: pd.Series) -> Tables:
    """Return pairs of sentences, the first as the context of the second, and their ratings."""
    number = number.astype(str)
    first, second = (text.str.split().str.join(" ") for text in (first, second))  # some have two spaces in a row
    items = pd.DataFrame({"item": number, "context": first, "sentence": second})
    return items, pd.DataFrame({"item": number, "measure": "similarity", "value": rating.astype(str)})
