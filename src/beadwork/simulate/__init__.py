"""Simulated studies with truth."""
