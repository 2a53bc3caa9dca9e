"""Measures: what is asked of a model, one file a measure."""

from psylm.measures.registry import Measure, measure, measures

__all__ = ["Measure", "measure", "measures"]
