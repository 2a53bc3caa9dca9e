"""Kinds of lesions: each file adds the records of those that it defines."""
