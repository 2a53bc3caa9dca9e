"""psylm: language models as participants in psycholinguistic experiments.

Everything that the command line does, one call does too: `score`, `run`, `train`, `load_model`, `load_stimuli`,
and `Run` to read what a run wrote. The calls are imported when they are first used, so that `import psylm` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psylm.common.lazy import offers
from psylm.common.version import __version__ as __version__

if TYPE_CHECKING:
    from psylm.experiment.adhoc import score as score
    from psylm.experiment.runner import run as run
    from psylm.models import load_model as load_model
    from psylm.runs.run import Run as Run
    from psylm.stimuli import load_stimuli as load_stimuli
    from psylm.training.train import train as train

_HOME = {
    "Run": "psylm.runs.run",
    "load_model": "psylm.models",
    "load_stimuli": "psylm.stimuli",
    "run": "psylm.experiment.runner",
    "score": "psylm.experiment.adhoc",
    "train": "psylm.training.train",
}


__getattr__, __dir__ = offers(__name__, _HOME)
