"""psylm: language models as participants in psycholinguistic experiments.

Everything that the command line does, one call does too: `score`, `run`, `train`, `load_model`, `load_stimuli`,
and `Run` to read what a run wrote. The calls are imported when they are first used, so that `import psylm` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psylm.lazy import offers

if TYPE_CHECKING:
    from psylm.adhoc import score as score
    from psylm.models import load_model as load_model
    from psylm.results import Run as Run
    from psylm.runner import run as run
    from psylm.scratch.train import train as train
    from psylm.stimuli import load_stimuli as load_stimuli

__version__ = "0.1.0"

_HOME = {
    "Run": "psylm.results",
    "load_model": "psylm.models",
    "load_stimuli": "psylm.stimuli",
    "run": "psylm.runner",
    "score": "psylm.adhoc",
    "train": "psylm.scratch.train",
}


__getattr__, __dir__ = offers(__name__, _HOME)
