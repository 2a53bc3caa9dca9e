"""A run becomes tables, figures and one self-contained page."""
