"""Models that a level is computed with."""
