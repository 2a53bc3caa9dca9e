"""Words in context with human cloze, ratings, ERPs and reading times (de Varda, Marelli & Amenta 2024)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from psylm.stimuli.readers.registry import Tables, bits, reader, text_table


@reader("devarda2024")
def devarda2024(files: list[Path]) -> Tables:
    """Read `all_measures.csv` of de Varda, Marelli & Amenta (2024): words in context, with human measures.

    Published surprisals are natural logarithms (their `cloze_s` is -ln of their `cloze_p_smoothed`); they are
    turned into bits.
    """
    raw = text_table(files[0], ",")
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
        items[f"{ours}_surprisal"] = bits(raw[f"s_{theirs}"])
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
