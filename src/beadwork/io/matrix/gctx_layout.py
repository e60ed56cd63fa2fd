"""Names within a GCTX file."""

DATA = "0/DATA/0/matrix"
ROW, COL = "0/META/ROW", "0/META/COL"
SLASH = "\N{DIVISION SLASH}"
"""Stands for "/" in the name of a field, which HDF5 would take for a group."""
