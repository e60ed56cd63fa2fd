"""GCTX: its tree, one reader and one writer."""
