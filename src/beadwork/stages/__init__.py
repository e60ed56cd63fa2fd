"""One public, pure function per stage of the pipeline, on matrices."""
