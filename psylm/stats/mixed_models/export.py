"""A mixed model for R: the data, and a script that fits the same model with lme4."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from psylm.common.errors import InputError, Problem
from psylm.common.files import replacing
from psylm.stats.mixed_models.fit import MixedModel
from psylm.stats.mixed_models.model_frame import Block, ModelFrame
from psylm.stats.mixed_models.model_matrix import INTERCEPT
from psylm.stats.mixed_models.variables import variable_of


def save_for_r(data: pd.DataFrame, fit: MixedModel, folder: Path) -> list[Path]:
    """Write the data and an R script of the same model, for readers who want lme4.

    Parameters
    ----------
    data
        What was fitted.
    fit
        The model.
    folder
        Where `data.csv` and `model.R` are written. The script keeps the order of each factor's levels, so that R codes
        it alike. Random slopes of factors without correlations are written as columns of numbers, since lme4's `||`
        keeps the correlations among a factor's levels.

    Returns
    -------
    list of Path
        The two files.
    """
    frame = fit.frame
    if frame is None:
        raise InputError(Problem("fit", "a model without its data", "what fit_mixed returned"))
    groups = list(dict.fromkeys(name for block in frame.blocks for name in block.bar.group))
    columns = list(dict.fromkeys([*sorted(frame.variables.columns), *sorted(groups)]))
    rows = data[columns].reset_index(drop=True)  # those with missing values too: R leaves them out as well
    levels = {name: _levels(rows[name], name) for name in frame.variables.columns if name not in groups}
    formula, numbers = _formula(frame)
    script = ["library(lmerTest)", "data <- read.csv('data.csv', check.names = FALSE, encoding = 'UTF-8')"]
    script += [f"{_column(name)} <- factor({_column(name)}, levels = c({of}))" for name, of in levels.items() if of]
    script += [f"{_column(name)} <- factor({_column(name)})" for name in groups]
    script.append(
        f"model <- glmer({formula}, data, family = binomial)"
        if fit.family == "binomial"
        else f"model <- lmer({formula}, data, REML = {str(fit.reml).upper()})"
    )
    script.append("print(summary(model))")
    files = [folder / "data.csv", folder / "model.R"]
    with replacing(files[0]) as temporary:
        rows.assign(**numbers).to_csv(temporary, index=False, na_rep="NA")
    with replacing(files[1]) as temporary:
        temporary.write_text("\n".join(script) + "\n", encoding="utf-8")
    return files


def _column(name: str) -> str:
    return f"data[[{json.dumps(name, ensure_ascii=False)}]]"


def _levels(column: pd.Series, name: str) -> str:
    """Return a factor's levels as R's `c` takes them; nothing for numbers."""
    found = variable_of(column, name, {})
    used = [] if found.levels is None else [found.levels[one] for one in np.unique(found.values[found.values >= 0])]
    return ", ".join(json.dumps(level, ensure_ascii=False) for level in used)


def _formula(frame: ModelFrame) -> tuple[str, dict[str, pd.Series]]:
    """Return the formula as R has it, and columns of numbers that it needs."""
    text = in_r(frame.formula.text)
    numbers: dict[str, pd.Series] = {}
    if not any(_split(frame, block) for block in frame.blocks):
        return text, numbers
    fixed = frame.formula.fixed
    terms = [in_r(f"{frame.formula.response} ~ {' + '.join(['1' if fixed.intercept else '0', *fixed.labels])}")]
    for number, block in enumerate(frame.blocks):
        names = ["1" if name == INTERCEPT else f"slope{number}_{j}" for j, name in enumerate(block.matrix.names)]
        numbers |= {
            name: pd.Series(block.matrix.values[:, j], np.flatnonzero(frame.variables.kept))
            for j, name in enumerate(names)
            if name != "1"
        }
        names = names if "1" in names else ["0", *names]
        bars = "|" if block.bar.correlated else "||"
        terms.append(f"({' + '.join(names)} {bars} {':'.join(_ticked(name) for name in block.bar.group)})")
    return " + ".join(terms), numbers


def _ticked(name: str) -> str:
    return name if re.fullmatch(r"[\w.]+", name) else f"`{name}`"


def _split(frame: ModelFrame, block: Block) -> bool:
    return not block.bar.correlated and any(frame.variables[one].levels for one in block.bar.terms.factors)


def in_r(formula: str) -> str:
    """Write what R writes otherwise: `C(f, Sum)`, reference levels, `center`, powers.

    Examples
    --------
    >>> in_r("y ~ C(a, Sum) * C(b, Treatment('q')) + center(x) + I(x**2) + (1 | s)")
    "y ~ C(a, contr.sum) * relevel(b, ref = 'q') + scale(x, scale = FALSE) + I(x^2) + (1 | s)"
    """
    text = re.sub(
        r"\bC\(([^(),]+),\s*Treatment\((?:reference\s*=\s*)?('[^']*'|\"[^\"]*\")\)\)", r"relevel(\1, ref = \2)", formula
    )
    for ours, theirs in {"Treatment": "treatment", "Sum": "sum", "Helmert": "helmert", "Poly": "poly"}.items():
        text = re.sub(rf"(\bC\(.*?,\s*){ours}\)", rf"\1contr.{theirs})", text)
    text = re.sub(r"(\bC\(.*?,\s*)(?:Diff|sdif|contr\.sdif)\)", r"\1MASS::contr.sdif)", text)
    text = re.sub(r"\bcenter\(([^()]+)\)", r"scale(\1, scale = FALSE)", text)
    return text.replace("**", "^")
