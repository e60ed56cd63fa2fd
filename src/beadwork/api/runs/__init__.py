"""Folders of results as a whole: report, release."""
