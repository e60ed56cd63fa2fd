"""Graphs and vectors of perturbagens: consensus signatures, edges with their evidence, embeddings."""
