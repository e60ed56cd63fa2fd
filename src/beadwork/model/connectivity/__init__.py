"""Queries, signatures and their annotation."""
