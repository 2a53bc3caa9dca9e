"""What the sweep of architectures found: the list that psylm carries, and the page of the docs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

LIST, PAGE = Path("psylm/models/verified.csv"), Path("docs/architectures.md")
COLUMNS = ["architecture", "model_type", "family", "shares", "pads", "largest", "transformers"]
ORDER = ["causal", "masked", "permuted", "seq2seq", "encoder"]

INTRODUCTION = """# Architectures

<!-- made by `python -m benchmarks.architectures --write` -->

psylm scores with an architecture of `transformers` only where its scores were compared with what `transformers`
itself gives for one text at a time. The comparison makes a tiny model of every causal, masked, permutation and
encoder-decoder architecture that `transformers` maps, and of the encoders in them, with random weights, tied and not,
and with and without windows of attention. Random texts below, at and over each window, and as long as the model
allows, are scored alone, in batches with padding, and with beginnings in common; every measure that takes the family
is run on sentences together and alone. All values must agree within 10⁻⁴ bits (states of encoders within 10⁻⁴ of the
largest).

An architecture that is not in the first table is refused by its name before any weights are read. `psylm models check
MODEL` makes the same comparison on your machine with your model. If it agrees, that is kept in your cache folder for
this configuration and version of `transformers`, the model is loaded from then on, and the manifest of a run says so
(`compared`). If it does not agree, psylm cannot be used with it.

*Beginnings*: texts that begin alike are read in one row. *Padding*: texts of different lengths are read in one batch;
a network that mixes padding into its states (FNet's Fourier transform, ConvBERT's convolution) reads those of one
length together. Both are tried with each model at the lengths that are read, so a model with other settings than the
tiny one's is right too, only slower.
"""


def write(found: Sequence[dict[str, Any]]) -> None:
    """Write the list and the page."""
    verified, refused = judged(found)
    with LIST.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(verified)
    PAGE.write_text(page(verified, refused, found), encoding="utf-8")
    print(f"{len(verified)} agree, {len(refused)} are refused")


def judged(found: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Divide architectures into those that agree in every variant that can be made and loaded, and the rest."""
    groups: dict[tuple[int, str, str], list[dict[str, Any]]] = {}
    for one in found:
        if one["outcome"] != "skipped":
            key = ORDER.index(one["asked"]), one["architecture"], one["model_type"]
            groups.setdefault(key, []).append(one)
    verified, refused = [], []
    for (_, architecture, model_type), variants in sorted(groups.items()):
        good = [one for one in variants if one["outcome"] == "agrees"]
        bad = [one for one in variants if one["outcome"] in ("differs", "fails")]
        row = {"architecture": architecture, "model_type": model_type, "family": variants[0]["asked"]}
        if good and not bad:
            largest = max(max(one["cases"].values()) for one in good)
            row |= {"shares": _yes(good, "shares"), "pads": _yes(good, "pads"), "largest": f"{largest:.1e}"}
            verified.append(row | {"transformers": good[0]["transformers"]})
        else:
            refused.append(row | {"reason": reason(bad or variants)})
    return verified, refused


def reason(variants: Sequence[dict[str, Any]]) -> str:
    """Say in a line what is wrong."""
    one = variants[0]
    setting = f"with {one['variant']}: " if one["variant"] else ""
    if one["outcome"] != "differs":
        told = one["reason"].partition(": ")[2].removeprefix("model 'file:…': ")
        return setting + told.partition("; expected")[0].partition("; psylm")[0].replace("|", "/")
    wrong = {case: value for case, value in one["cases"].items() if not value <= 1e-4}
    if wrong:
        worst = max(wrong.values())
        return f"{setting}differs by up to {worst:.2g} bits ({', '.join(wrong)})"
    asked = [name for name, value in one["measures"].items() if isinstance(value, str) or not value <= 1e-4]
    return f"{setting}{', '.join(asked)} differs or fails"


def page(verified: Sequence[dict[str, Any]], refused: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> str:
    """Return the page of the docs."""
    skipped = sorted({one["architecture"] for one in found if one["outcome"] == "skipped"})
    version = verified[0]["transformers"] if verified else ""
    counts = ", ".join(f"{sum(row['family'] == family for row in verified)} {family}" for family in ORDER)
    bits = max((float(row["largest"]) for row in verified if row["family"] != "encoder"), default=0.0)
    parts = [
        INTRODUCTION,
        f"With `transformers` {version}, {len(verified)} architectures agree ({counts}), in "
        f"{sum(one['outcome'] == 'agrees' for one in found)} variants, within {bits:.1e} bits; "
        f"{len(refused)} are refused.\n",
        "## They agree\n",
        "| architecture | type | family | beginnings | padding | largest difference |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row['architecture']} | {row['model_type']} | {row['family']} | {row['shares']} | {row['pads']} "
            f"| {row['largest']} |"
            for row in verified
        ),
        "\n## They are refused\n",
        "| architecture | type | family | why |",
        "| --- | --- | --- | --- |",
        *(f"| {row['architecture']} | {row['model_type']} | {row['family']} | {row['reason']} |" for row in refused),
        "\nNot tried, since they read images or sound as well or are a part of another model: "
        + ", ".join(skipped)
        + ".",
    ]
    return "\n".join(parts) + "\n"


def _yes(variants: Sequence[dict[str, Any]], key: str) -> str:
    return "yes" if all(one[key] for one in variants) else "no"
