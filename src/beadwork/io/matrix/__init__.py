"""Matrices: GCT, GCTX, h5ad, parquet."""
