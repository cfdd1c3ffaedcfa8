"""Materials: lists of names, families, mappings between lists."""

from madeof.materials.lists import DMS, FMD, MINC, OPENSURFACES

__all__ = ["DMS", "FMD", "MINC", "OPENSURFACES"]
