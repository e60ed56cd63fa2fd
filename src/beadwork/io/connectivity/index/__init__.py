"""Files of a connectivity index: layout, reader, writer, verification (docs/reference/formats/connectivity-index.md)."""
