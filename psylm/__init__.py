"""psylm: language models as participants in psycholinguistic experiments.

Everything that the command line does, one call does too: `score`, `run`, `analyze`, `draw`, `report`, `train`,
`finetune`, `power`, `init`, `load_model` and `load_stimuli`; `Run` reads what a run wrote, and `use_study` chooses the
study whose experiments, stimuli and own measures are found by name. Each is imported when it is first used, so that
`import psylm` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psylm.common.lazy import offers
from psylm.common.version import __version__ as __version__

if TYPE_CHECKING:
    from psylm.common.registry import use_study as use_study
    from psylm.common.template import init as init
    from psylm.experiment.adhoc import score as score
    from psylm.experiment.runner import run as run
    from psylm.figures.drawn import Drawn as Drawn
    from psylm.models.load import load_model as load_model
    from psylm.reporting.finished import analyze as analyze
    from psylm.reporting.finished import draw as draw
    from psylm.reporting.finished import report as report
    from psylm.reporting.power import power as power
    from psylm.runs.run import Run as Run
    from psylm.stimuli.load import load_stimuli as load_stimuli
    from psylm.training.finetune import finetune as finetune
    from psylm.training.train import train as train

DOORS = {
    "Drawn": "psylm.figures.drawn",
    "Run": "psylm.runs.run",
    "analyze": "psylm.reporting.finished",
    "draw": "psylm.reporting.finished",
    "finetune": "psylm.training.finetune",
    "init": "psylm.common.template",
    "load_model": "psylm.models.load",
    "load_stimuli": "psylm.stimuli.load",
    "power": "psylm.reporting.power",
    "report": "psylm.reporting.finished",
    "run": "psylm.experiment.runner",
    "score": "psylm.experiment.adhoc",
    "train": "psylm.training.train",
    "use_study": "psylm.common.registry",
}
"""Where each call lives. No module of this package itself has such a name: importing it would hide the call."""

__getattr__, __dir__ = offers(__name__, DOORS)
