"""What every wing computes with: compilation, threads, vector lanes, percentiles, correlations."""
