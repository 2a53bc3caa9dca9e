"""Attention of any model family: maps by layer and head, what they select, and what goes beyond raw weights."""
