"""Tables about reading times and ERPs."""
