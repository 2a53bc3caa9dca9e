"""Figures: one style, and one function a figure, from a table to matplotlib axes."""
