"""Plates with known truth."""
