"""Regions: everything that becomes a mask."""

from madeof.regions.as_regions import as_regions
from madeof.regions.components import regions_from_label_map
from madeof.regions.files import read_label_map, read_mask
from madeof.regions.mask_like import BoxesLike, LabelMapLike, MaskLike
from madeof.regions.raster import from_box, from_polygon
from madeof.regions.region import Mask, Region, check_mask

__all__ = [
    "BoxesLike",
    "LabelMapLike",
    "Mask",
    "MaskLike",
    "Region",
    "as_regions",
    "check_mask",
    "from_box",
    "from_polygon",
    "read_label_map",
    "read_mask",
    "regions_from_label_map",
]
