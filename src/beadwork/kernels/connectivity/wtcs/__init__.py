"""Weighted connectivity score: the definition, its two fast forms, and the ranks it stands on."""
