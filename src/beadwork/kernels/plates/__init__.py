"""Checks of whole plates."""
