"""Statistics: small functions of arrays and tables, each with its source."""
