"""The connectivity index: build, append, keep in step, ask."""
