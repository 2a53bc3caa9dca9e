"""Arrays in: intervals, effect sizes and tests, each with its source."""
