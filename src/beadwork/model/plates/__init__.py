"""Plates and studies as a whole."""
