"""The psycholinguistic diagnostics of Ettinger (2020): CPRAG-102, ROLE-88, NEG-136."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from psylm.stimuli.readers.registry import Tables, reader, text_table

VOWELS = tuple("aeiou")
LEVELS = {"H": "high", "L": "low"}


@reader("cprag102")
def cprag102(files: list[Path]) -> Tables:
    """Read CPRAG-102 of Ettinger (2020): two-sentence contexts with three completions."""
    raw = text_table(files[0], "\t")
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


@reader("role88")
def role88(files: list[Path]) -> Tables:
    """Read ROLE-88 of Ettinger (2020): each verb after nouns in their roles, and after the roles are exchanged.

    Two rows make an item: in row `a` the target is the verb that fits the roles, in row `b` the same verb follows
    the exchanged roles.
    """
    raw = text_table(files[0], "\t")
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


@reader("neg136")
def neg136(files: list[Path]) -> Tables:
    """Read NEG-136 of Ettinger (2020): NEG-136-SIMP and NEG-136-NAT, affirmed and negated, true and false."""
    items = []
    for file in files:
        raw = text_table(file, "\t")
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
