"""Stimulus sets: cards, items, human data; checked, and fetched where they are published elsewhere.

The names below are imported when they are first used, so that the command line is quick.
"""

from typing import TYPE_CHECKING

from psylm.common.lazy import offers

if TYPE_CHECKING:
    from psylm.stimuli.card import Card as Card
    from psylm.stimuli.card import Source as Source
    from psylm.stimuli.load import StimulusSet as StimulusSet
    from psylm.stimuli.load import check_stimuli as check_stimuli
    from psylm.stimuli.load import load_stimuli as load_stimuli

__getattr__, __dir__ = offers(
    __name__,
    {
        "Card": "psylm.stimuli.card",
        "Source": "psylm.stimuli.card",
        "StimulusSet": "psylm.stimuli.load",
        "check_stimuli": "psylm.stimuli.load",
        "load_stimuli": "psylm.stimuli.load",
    },
)
