"""Reference libraries: annotation joined to signatures."""
