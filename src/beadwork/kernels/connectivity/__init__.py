"""Scores of queries against signatures, and what they are worth."""
