"""Train the models that ship: inference of genes, shared noise of wells."""
