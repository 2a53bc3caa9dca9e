"""Stimulus sets: cards, items, human data; checked, and fetched where they are published elsewhere."""

from psylm.stimuli.card import Card, Source
from psylm.stimuli.load import StimulusSet, check_stimuli, load_stimuli

__all__ = ["Card", "Source", "StimulusSet", "check_stimuli", "load_stimuli"]
