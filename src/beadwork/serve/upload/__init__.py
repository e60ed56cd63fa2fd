"""Files that are sent: groups of samples in them are compared in a process of its own."""
