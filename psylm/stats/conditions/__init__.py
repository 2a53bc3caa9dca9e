"""Tables about conditions of a factorial design."""
