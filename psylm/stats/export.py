"""A mixed model for R: the data, and a script that fits the same model with lme4."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from psylm.files import replacing
from psylm.stats.mixed import MixedModel


def save_for_r(data: pd.DataFrame, fit: MixedModel, folder: Path) -> list[Path]:
    """Write the data and an R script of the same model, for readers who want lme4.

    Parameters
    ----------
    data
        What was fitted.
    fit
        The model.
    folder
        Where `data.csv` and `model.R` are written.

    Returns
    -------
    list of Path
        The two files.
    """
    table, script = folder / "data.csv", folder / "model.R"
    with replacing(table) as temporary:
        data.to_csv(temporary, index=False)
    call = (
        f"model <- glmer({fit.formula}, data, family = binomial)"
        if fit.family == "binomial"
        else f"model <- lmer({fit.formula}, data, REML = {str(fit.reml).upper()})"
    )
    groups = "\n".join(f"data${group} <- factor(data${group})" for group in fit.groups)
    with replacing(script) as temporary:
        temporary.write_text(
            f"library(lmerTest)\ndata <- read.csv('data.csv')\n{groups}\n{call}\nprint(summary(model))\n",
            encoding="utf-8",
        )
    return [table, script]
