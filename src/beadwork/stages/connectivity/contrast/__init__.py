"""Signatures from two groups of samples: who is compared, statistics, and when not to trust them."""
