"""Names within a GCTX file, and how CMap's files say that something is missing."""

DATA = "0/DATA/0/matrix"
ROW, COL = "0/META/ROW", "0/META/COL"
MISSING_TEXT, MISSING_NUMBER = "-666", -666.0
"""How CMap's files say that an annotation is missing; its programs know no other way."""
MISSING_TEXTS = frozenset({"", MISSING_TEXT, "-666.0", "NA", "NaN", "nan"})
SLASH = "\N{DIVISION SLASH}"
"""Stands for "/" in the name of a field, which HDF5 would take for a group."""
