"""Files of a connectivity index: layout, reader, writer, verification (docs/formats/index.md)."""
