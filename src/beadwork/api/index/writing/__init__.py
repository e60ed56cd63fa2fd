"""Write an index: build, append, keep in step with matrices, learn the background of tau."""
