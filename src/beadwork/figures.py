"""Figures of plates and studies, as matplotlib figures; they read tables only."""
