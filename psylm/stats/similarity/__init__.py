"""Tables about the similarity of meaning."""
