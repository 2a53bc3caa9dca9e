"""Tables about agreement with people."""
