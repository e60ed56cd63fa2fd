"""From beads to peaks."""
