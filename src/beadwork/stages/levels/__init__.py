"""Level 2 to level 5."""
