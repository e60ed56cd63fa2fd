"""Answers: kept as columns, shown as tables, files, heat maps, side by side."""
