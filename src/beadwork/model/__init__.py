"""Types, names and parameters: no files, no compiled code."""
