"""What every file needs: whole or not at all, checksums, provenance, tables, archives."""
