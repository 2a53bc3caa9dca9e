"""Tables about what attention selects."""
