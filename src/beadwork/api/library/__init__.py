"""Reference libraries: build an index from public or own files, annotate it, the one that ships."""
