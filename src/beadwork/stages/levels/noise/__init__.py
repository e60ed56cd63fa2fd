"""Shared noise of signatures: learn its factors, remove them, report what was removed."""
