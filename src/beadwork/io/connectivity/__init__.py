"""Files of the index, of queries and of answers."""
