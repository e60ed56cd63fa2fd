"""Whether signatures that should match find each other."""
