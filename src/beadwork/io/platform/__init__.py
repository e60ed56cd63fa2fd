"""Facts of the platform that ship with beadwork."""
