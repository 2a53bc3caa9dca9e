"""Fits: mixed models, what predictors add to them, and power by simulation."""
