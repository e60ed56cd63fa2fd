"""LXB files and plate maps."""
