"""A local web page and JSON API over one index: read-only, bounded, without network."""
