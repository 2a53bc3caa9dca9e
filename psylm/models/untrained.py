"""A model as it was before it learned anything: its architecture, with weights drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from psylm.common.errors import PsylmError


def drawn(make: Callable[[], Any], seed: int) -> Any:
    """Call a function that draws weights, with a seed; the random state of the process stays as it is.

    Examples
    --------
    >>> one, other = (drawn(lambda: torch.nn.Linear(2, 2).weight, seed=1) for _ in range(2))
    >>> bool((one == other).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def untrained(loader: Any, folder: Path, seed: int) -> Any:
    """Make a `transformers` model by its configuration alone, its weights drawn as the library initialises them.

    Parameters
    ----------
    loader
        A model class of `transformers`, or one of its Auto classes.
    folder
        The folder with the model's `config.json`; the weights in it are not read.
    seed
        Seed of the weights.

    Returns
    -------
    PreTrainedModel
        The network, in float32.

    Raises
    ------
    PsylmError
        The configuration cannot be read.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise PsylmError(f"{folder}: the model's configuration cannot be read ({error})") from None
    config.dtype = torch.float32
    from_config = getattr(loader, "from_config", loader)  # the Auto classes choose the class by the configuration
    return drawn(lambda: from_config(config), seed)
