"""Ask an index: read queries, answer them into files, show and explain the answers."""
