"""What a lesion costs: time of a scoring pass relative to the intact model's, in one run.

python benchmarks/lesions.py [MODEL]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from psylm.common.study import Study
from psylm.experiment.plan import make_trials
from psylm.lesions import lesioned
from psylm.measures import MEASURES
from psylm.models import load_model
from psylm.models.base import LanguageModel
from psylm.stimuli import load_stimuli

CHANGES = (
    "heads=3.4+5.0", "random-heads=0.1@1", "temperature=2", "layers=7", "positions=none", "thinned=0.1@1", "span=4",
    "noise=0.5@1", "dropout=0.1@1",
)  # fmt: skip


def seconds(model: LanguageModel) -> float:
    """Processor time of scoring the target of each of the 96 sentences of `agreement-pairs`."""
    surprisal = MEASURES["surprisal"]
    trials = make_trials(load_stimuli("agreement-pairs", Study.find(Path.cwd())))
    model.remembered.clear()
    begun = time.process_time()
    surprisal.function(model, trials, surprisal.options())
    return time.process_time() - begun


def main() -> None:
    """Print a table."""
    model = load_model(sys.argv[1] if len(sys.argv) > 1 else "embedded:smollm2-135m", device="cpu")
    seconds(model)  # warm up
    intact = min(seconds(model), seconds(model))
    print(f"{'lesion':<20} {'seconds':>8} {'intact = 1':>11}")
    print(f"{'intact':<20} {intact:8.2f} {1:11.2f}")
    for change in CHANGES:
        with lesioned(model, change):
            taken = min(seconds(model), seconds(model))
        print(f"{change:<20} {taken:8.2f} {taken / intact:11.2f}", flush=True)


if __name__ == "__main__":
    main()
