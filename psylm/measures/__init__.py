"""Measures: what is asked of a model, one file a measure."""

from psylm.measures.registry import MEASURES, Measure, measure

__all__ = ["MEASURES", "Measure", "measure"]
