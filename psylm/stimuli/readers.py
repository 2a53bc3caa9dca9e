"""Readers of published formats: each turns a set's files into its items and human data, as text cells."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from psylm.stimuli.suites import Tables, blimp, syntaxgym

VOWELS = tuple("aeiou")
LEVELS = {"H": "high", "L": "low"}


def _text(path: Path, separator: str) -> pd.DataFrame:
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8")
    return table.set_index(pd.RangeIndex(2, len(table) + 2, name="row"))


def _bits(nats: pd.Series) -> pd.Series:
    return (nats.astype(float) / math.log(2)).map(repr)


def devarda2024(files: list[Path]) -> Tables:
    """Read `all_measures.csv` of de Varda, Marelli & Amenta (2024): words in context, with human measures.

    Published surprisals are natural logarithms (their `cloze_s` is -ln of their `cloze_p_smoothed`); they are
    turned into bits.
    """
    raw = _text(files[0], ",")
    models = {
        "gpt2": "GPT2",
        "gpt2_medium": "GPT2_medium",
        "gpt2_large": "GPT2_large",
        "gpt2_xl": "GPT2_xl",
        "gptneo_125m": "GPTNeo_125M",
        "gptneo_1.3b": "GPTNeo",
        "gptneo_2.7b": "GPTNeo_2.7B",
    }
    prefix = raw["item"].str.len()
    # The word begins after the fragment that people completed, and the space that follows it.
    start = [length + (sentence[length] == " ") for length, sentence in zip(prefix, raw["sentence"], strict=True)]
    items = pd.DataFrame(
        {
            "item": raw["item_id"],
            "sentence": raw["sentence"],
            "target": [s[a : a + len(w)] for s, a, w in zip(raw["sentence"], start, raw["word"], strict=True)],
            "start": [str(offset) for offset in start],
            "sentence_id": raw["sent_id"],
            "position": raw["context_length"],
            "length": raw["length"],
            "log_frequency": raw["Subtlex_log10"].replace("NA", ""),
        }
    )
    for ours, theirs in models.items():
        items[f"{ours}_surprisal"] = _bits(raw[f"s_{theirs}"])
        items[f"{ours}_multitoken"] = raw[f"is_multitoken_{theirs}"]
    measures = {
        "cloze": "cloze_p_smoothed",
        "rating": "rating_mean",
        "entropy": "entropy",
        "ELAN": "ELAN",
        "LAN": "LAN",
        "N400": "N400",
        "EPNP": "EPNP",
        "P600": "P600",
        "PNP": "PNP",
        "first_fixation": "RTfirstfix",
        "first_pass": "RTfirstpass",
        "right_bounded": "RTrightbound",
        "go_past": "RTgopast",
        "self_paced_reading": "self_paced_reading_time",
    }
    human = pd.concat(
        [
            pd.DataFrame({"item": raw["item_id"], "condition": "", "measure": name, "value": raw[column]})
            for name, column in measures.items()
        ],
        ignore_index=True,
    )
    return items, human


def cprag102(files: list[Path]) -> Tables:
    """Read CPRAG-102 of Ettinger (2020): two-sentence contexts with three completions."""
    raw = _text(files[0], "\t")
    columns = {"expected": "expected", "within": "within_category", "between": "between_category"}
    items = pd.concat(
        [
            pd.DataFrame(
                {
                    "item": raw["item"],
                    "constraint": raw["constraint"].map(LEVELS),
                    "completion": level,
                    "context": raw["context_s1"].str.strip(),
                    "sentence": raw["context_s2"].str.strip() + " " + raw[column].str.strip() + ".",
                    "target": raw[column].str.strip(),
                    "start": (raw["context_s2"].str.strip().str.len() + 1).astype(str),
                }
            )
            for level, column in columns.items()
        ]
    )
    return items.sort_index(kind="stable"), None


def role88(files: list[Path]) -> Tables:
    """Read ROLE-88 of Ettinger (2020): each verb after nouns in their roles, and after the roles are exchanged.

    Two rows make an item: in row `a` the target is the verb that fits the roles, in row `b` the same verb follows
    the exchanged roles.
    """
    raw = _text(files[0], "\t")
    pair = raw["item"].str.partition("-")
    context = raw["context"].str.strip()
    target = raw["target"].str.strip()
    items = pd.DataFrame(
        {
            "item": pair[0],
            "role": pair[2].map({"a": "fitting", "b": "reversed"}),
            "sentence": context + " " + target + ".",
            "target": target,
            "start": (context.str.len() + 1).astype(str),
            "best_completion": raw["expected"].str.strip(),
            "best_cloze": raw["exp_cloze"],
        }
    )
    human = pd.DataFrame(
        {"item": items["item"], "condition": items["role"], "measure": "cloze", "value": raw["tgt_cloze"]}
    )
    return items, human


def neg136(files: list[Path]) -> Tables:
    """Read NEG-136 of Ettinger (2020): NEG-136-SIMP and NEG-136-NAT, affirmed and negated, true and false."""
    items = []
    for file in files:
        raw = _text(file, "\t")
        part = "simple" if "SIMP" in file.name else "natural"
        licensing = raw["licensing"].map({"Y": "licensed", "N": "unlicensed"}) if "licensing" in raw else None
        for polarity, fitting in (("affirmative", "aff"), ("negative", "neg")):
            for target in ("aff", "neg"):
                word = raw[f"target_{target}"].str.strip()
                context = [
                    re.sub(r"\(a\|an\)", "an" if following.startswith(VOWELS) else "a", text.strip())
                    for text, following in zip(raw[f"context_{fitting}"], word, strict=True)
                ]
                lead = pd.Series(context, index=raw.index)
                items.append(
                    pd.DataFrame(
                        {
                            "item": part + "-" + raw["item"],
                            "kind": part if licensing is None else licensing,
                            "polarity": polarity,
                            "truth": "true" if target == fitting else "false",
                            "sentence": lead + " " + word + ".",
                            "target": word,
                            "start": (lead.str.len() + 1).astype(str),
                        }
                    )
                )
    return pd.concat(items), None


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


def jsts(files: list[Path]) -> Tables:
    """Read JSTS of JGLUE (Kurihara et al. 2022): pairs of Japanese sentences with the mean of people's ratings."""
    raw = pd.read_json(files[0], lines=True, dtype=False, encoding="utf-8")
    raw.index = pd.RangeIndex(1, len(raw) + 1, name="row")
    return _rated(raw["sentence_pair_id"], raw["sentence1"], raw["sentence2"], raw["label"])


def sick(files: list[Path]) -> Tables:
    """Read SICK (Marelli et al. 2014): pairs of English sentences with the mean of people's ratings of relatedness."""
    raw = _text(files[0], "\t")
    return _rated(raw["pair_ID"], raw["sentence_A"], raw["sentence_B"], raw["relatedness_score"])


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


READERS: dict[str, Callable[[list[Path]], Tables]] = {
    "devarda2024": devarda2024,
    "cprag102": cprag102,
    "role88": role88,
    "neg136": neg136,
    "naturalstories": naturalstories,
    "syntaxgym": syntaxgym,
    "blimp": blimp,
    "jsts": jsts,
    "sick": sick,
    "rated_pairs": rated_pairs,
}
"""Readers by the name that a card gives."""
