"""A config becomes a run: definition, plan, scorer, runner."""
