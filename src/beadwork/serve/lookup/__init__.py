"""States of the index, and what is looked up in them: lists, search."""
