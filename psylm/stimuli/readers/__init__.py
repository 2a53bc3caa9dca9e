"""Readers of published formats, one file a format or family of formats; a card names one."""

from psylm.stimuli.readers.registry import READERS, Reader, Tables, reader

__all__ = ["READERS", "Reader", "Tables", "reader"]
