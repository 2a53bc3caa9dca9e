"""A table becomes words: APA style, columns, LaTeX, and sentences by question."""
