"""Genes that were not measured: train the model on profiles, infer with it."""
