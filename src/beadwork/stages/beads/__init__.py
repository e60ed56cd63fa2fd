"""Level 1 to level 2."""
