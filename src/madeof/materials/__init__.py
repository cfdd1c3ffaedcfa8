"""Materials: lists of names, families, mappings between lists."""
