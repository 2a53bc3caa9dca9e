"""The user's cache folder: fetched stimuli and converted weights."""

from __future__ import annotations

import os
from pathlib import Path

import pooch


def cache_folder() -> Path:
    """Return the folder for what can be made or fetched again: `PSYLM_CACHE`, or the system's own place.

    Examples
    --------
    >>> getfixture("monkeypatch").setenv("PSYLM_CACHE", "elsewhere")
    >>> cache_folder().name
    'elsewhere'
    """
    return Path(os.environ.get("PSYLM_CACHE") or pooch.os_cache("psylm"))
