"""Beads of a plate, and what they are called to be."""
