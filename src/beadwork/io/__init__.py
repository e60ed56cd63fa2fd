"""Readers and writers; no algorithm lives here."""
