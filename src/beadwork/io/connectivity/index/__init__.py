"""Files of a connectivity index (docs/reference/formats/connectivity-index.md): layout, reader, writer, verification."""
