"""Does the model know what depends on what? Margins of minimal pairs, and what an attractor or a gap does to them.

For sets whose column `grammaticality` says which sentence of a pair is the grammatical one. The last factor within
items is what a pair differs in; the others are what pairs differ in. The margin of a pair is the surprisal of the
target in the ungrammatical sentence minus that in the grammatical one, in bits. What another factor does to it, the
number of the attractor say, is that factor's interaction with grammaticality: the attraction effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pandas as pd

from psylm.figures.conditions import condition_means
from psylm.figures.style import DOUBLE, SINGLE, new_figure
from psylm.prose.apa import count, interval, listing, number, p_value, share, statistic
from psylm.report.analyses import Drawn
from psylm.runs.run import Run
from psylm.stats.conditions.design import contrast_table
from psylm.stats.conditions.pairs import Pairs, main_effects, margin_table, minimal_pairs
from psylm.stats.inference.anova import anova
from psylm.stats.inference.multiple import adjusted

REQUIRES = ("surprisal",)

ALPHA = 0.05
SENTENCES = {"good": "grammatical", "bad": "ungrammatical"}


def read(run: Run, model: str, stimuli: str) -> Pairs | None:
    """Return the pairs of a set with the surprisal of their targets."""
    results = run.results
    mine = results[(results["model"] == model) & (results["stimuli"] == stimuli) & (results["region"] == "target")]
    scores = mine[mine["measure"] == "surprisal"][["item", "condition", "value"]].rename(columns={"value": "surprisal"})
    card = run.card(stimuli)
    return minimal_pairs(run.items(stimuli), card["factors"], card["between"], scores)


def tables(run: Run) -> dict[str, pd.DataFrame]:
    """Compute margins, the effects of the other factors on them, the analysis of variance, and all contrasts."""
    found: dict[str, list[dict[str, Any]]] = {}
    for model, stimuli in product(run.model_names, run.stimulus_names):
        pairs = read(run, model, stimuli)
        if pairs is None:
            continue
        card = run.card(stimuli)
        known = pairs.sentences.dropna(subset=["surprisal"])
        parts = {
            "margins": _margins(pairs),
            "effects": _effects(pairs),
            "anova": _anova(known, [name for name in card["factors"] if name not in card["between"]]),
            "contrasts": contrast_table(known, card["factors"], card["between"], "surprisal"),
            "people": _people(card),
        }
        for name, rows in parts.items():
            found.setdefault(name, []).extend({"model": model, "stimuli": stimuli} | row for row in rows)
    result = {name: pd.DataFrame(rows) for name, rows in found.items() if rows}
    for name, more in {"contrasts": [], "effects": ["of"]}.items():
        if name in result:
            family = ["model", "stimuli", *more]
            result[name]["p_holm"] = result[name].groupby(family, sort=False)["p"].transform(adjusted)
    return result


def _margins(pairs: Pairs) -> Iterator[dict[str, Any]]:
    """Margins and accuracy of all pairs, by condition, and by group of items."""
    yield from margin_table(pairs.table, list(pairs.factors))
    for group in pairs.groups:
        for level, rows in pairs.table.groupby(group, sort=False):
            whole, *_ = margin_table(rows, [])
            yield whole | {"condition": f"{group}: {level}"}


def _effects(pairs: Pairs) -> Iterator[dict[str, Any]]:
    """Effects of the other factors on the margin, on the surprisal of either sentence, and on the margin by group."""
    for column, of in {"margin": "margin", **SENTENCES}.items():
        for row in main_effects(pairs.table, pairs.factors, column):
            yield {"of": of, "at": "all"} | row
    for group in pairs.groups:
        for level, rows in pairs.table.groupby(group, sort=False):
            for row in main_effects(rows, pairs.factors, "margin"):
                yield {"of": f"margin by {group}", "at": str(level)} | row
    for factor, levels in pairs.factors.items():
        for level in levels:
            others = {name: of for name, of in pairs.factors.items() if name != factor}
            for row in main_effects(pairs.table[pairs.table[factor] == level], others, "margin"):
                yield {"of": f"margin by {factor}", "at": level} | row


def _anova(trials: pd.DataFrame, within: list[str]) -> Iterator[dict[str, Any]]:
    """Analysis of variance of surprisal by items (F2)."""
    if trials["item"].nunique() > 2:
        yield from ({str(key): value for key, value in row.items()}
                    for row in anova(trials, "surprisal", "item", within=within).to_dict("records"))  # fmt: skip


def _people(card: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give published figures of people, as the card has them."""
    for row in card["published"]:
        yield {key: row[key] for key in ("measure", "condition", "who", "value", "source")}


def figures(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, Drawn]:
    """Draw the margin of each condition, for each model and set."""
    drawn: dict[str, Drawn] = {}
    for model, stimuli in product(run.model_names, run.stimulus_names):
        pairs = read(run, model, stimuli)
        if pairs is None or not pairs.factors:
            continue
        *outer, x = pairs.factors
        hue = outer[-1] if outer else None
        group = pairs.groups[0] if pairs.groups else None
        levels = list(dict.fromkeys(pairs.table[group])) if group else [""]
        figure, panels = new_figure(DOUBLE if len(levels) > 2 else SINGLE * 1.2, 2.4, len(levels))
        for axes, level in zip(panels, levels, strict=True):
            rows = pairs.table if group is None else pairs.table[pairs.table[group] == level]
            condition_means(
                rows.assign(value=rows["margin"]),
                x,
                pairs.factors[x],
                hue=hue,
                groups=pairs.factors[hue] if hue else (),
                axes=axes,
            )
            axes.axhline(0, color="0.5", linewidth=0.6, linestyle="--", zorder=0)
            axes.set_title(str(level).replace("-", " "))
            axes.set_xlabel(_words(x))
        panels[0].set_ylabel("Margin (bits)")
        if hue:
            figure.legend(
                *panels[0].get_legend_handles_labels(), title=_words(hue), loc="outside upper center",
                ncols=len(pairs.factors[hue]),
            )  # fmt: skip
        sizes = pairs.table.drop_duplicates("item")[group].value_counts() if group else pairs.table["item"].nunique()
        n = f"{sizes.min()} items a panel ({_words(group)})" if group else f"{sizes} items"
        drawn[f"margins-{model}-{stimuli}"] = Drawn(
            figure,
            f"Margin of {model} on {stimuli}: surprisal of the target in the ungrammatical sentence minus that in the "
            f"grammatical one. Large symbols: means of items with 95% intervals (Student's t); small ones: single "
            f"items; below the dashed line the model prefers the ungrammatical sentence. n = {n}.",
        )
    return drawn


def _words(name: str | None) -> str:
    return (name or "").replace("_", " ")


def summary(run: Run, tables: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Say how large margins are, and what other factors do to them; every number comes from the tables."""
    said: dict[str, list[str]] = {}
    for (model, stimuli), rows in tables["margins"].groupby(["model", "stimuli"], sort=False):
        about = said.setdefault(f"{model} on {stimuli}", [])
        about += _say_margins(rows)
        if "effects" in tables:
            effects = tables["effects"]
            about += _say_effects(effects[(effects["model"] == model) & (effects["stimuli"] == stimuli)])
        if "people" in tables:
            people = tables["people"]
            about += _say_people(people[(people["model"] == model) & (people["stimuli"] == stimuli)])
    return said


def _say_margins(rows: pd.DataFrame) -> Iterator[str]:
    whole, *cells = rows[~rows["condition"].str.contains(": ")].to_dict("records")
    yield (
        f"The grammatical sentence was preferred in "
        f"{share(whole['accuracy'], whole['accuracy_low'], whole['accuracy_high'], of=count(whole['n'], 'pair'))}, by "
        f"{number(whole['estimate'])} bits, {interval(whole['low'], whole['high'])}, on average of "
        f"{count(whole['items'], 'item')}."
    )
    if cells:
        parts = [
            f"{number(row['estimate'])} bits in {row['condition']} ({row['accuracy']:.0%} of pairs)" for row in cells
        ]
        yield f"The margin was {listing(parts)}."


def _say_effects(rows: pd.DataFrame) -> Iterator[str]:
    for row in rows[rows["at"] == "all"].to_dict("records"):
        if row["of"] != "margin":
            continue
        first, second = row["contrast"].split(" − ")
        if not row["p_holm"] < ALPHA:
            yield f"The margin did not differ significantly between {first} and {second}, {_test(row)}."
            continue
        more = "larger" if row["estimate"] > 0 else "smaller"
        yield f"The margin was {more} in {first} than in {second} ({_words(row['factor'])}), {_test(row)}."
        for part in rows[(rows["factor"] == row["factor"]) & rows["of"].isin(SENTENCES.values())].to_dict("records"):
            yield f"In {part['of']} sentences, surprisal in {first} minus that in {second} was {_test(part)}."
    for of, group in rows[rows["of"].str.startswith("margin by")].groupby("of", sort=False):
        for contrast, some in group.groupby("contrast", sort=False):
            parts = [
                f"{row['at']} {number(row['estimate'])} bits ({p_value(row['p_holm'])})"
                for row in some.to_dict("records")
            ]
            by = _words(str(of).removeprefix("margin by "))
            yield f"By {by}, {contrast} in the margin was: {listing(parts, ';')}."


def _say_people(rows: pd.DataFrame) -> Iterator[str]:
    for row in rows.to_dict("records"):
        yield f"People, {row['measure']}, {row['condition']}: {number(row['value'], 1)}. {row['source']}"


def _test(row: dict[str, Any]) -> str:
    return (
        f"{number(row['estimate'])} bits, {interval(row['low'], row['high'])}, "
        f"{statistic('t', row['statistic'], row['df'])}, {p_value(row['p_holm'])} (Holm), "
        f"d = {number(row['effect_size'])}"
    )
