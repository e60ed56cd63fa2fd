"""Files of a connectivity index: layout, reader, writer, verification (format: docs/reference/formats/)."""
