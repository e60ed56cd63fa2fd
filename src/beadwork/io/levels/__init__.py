"""Files of levels 3 to 5."""
