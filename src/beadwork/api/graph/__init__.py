"""An index as a graph, for those who build on it."""
