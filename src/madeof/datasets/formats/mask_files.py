"""A region whose mask is a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from madeof._util.text import show
from madeof.datasets.formats.pixels import covered
from madeof.datasets.layout import misfit
from madeof.datasets.listing import File
from madeof.errors import RegionError
from madeof.images.photo import size_of
from madeof.regions.files import read_label_map, read_mask
from madeof.regions.raster import Cut
from madeof.regions.region import Mask, mask_box, not_empty


class MaskFile(NamedTuple):
    """As in a table of masks: of a soft mask what is covered by half is inside or, if nothing is, what is at all."""

    folder: Path
    file: File
    """In `folder`."""
    photo: Path
    jpeg: bool = False
    """Whether it may be a JPEG, which is halved at 128."""
    alpha: bool = False
    """Whether it holds how much each pixel is covered, 0 to 255."""
    stretch: bool = False
    """Whether it may be of another size than its photo."""

    @property
    def stamp(self) -> str:
        """What changes when the mask may have changed."""
        return f"{self.file}"

    def cut(self, size: tuple[int, int]) -> Cut:
        """See `Shape`."""
        path = self.folder / self.file.path
        try:
            if self.alpha:
                mask: Mask = not_empty(covered(read_label_map(path, size)), show(self.file.path))
            else:
                mask = read_mask(path, size, allow_jpeg=self.jpeg, resize=self.stretch)
        except RegionError:
            found = size_of(path)
            if found == size:
                raise
            raise misfit(show(self.file.path), found, size, self.photo) from None
        if mask.dtype != np.bool_:
            hard = mask >= 0.5
            mask = hard if hard.any() else mask > 0
        x0, y0, x1, y1 = mask_box(mask)
        return mask[y0:y1, x0:x1].astype(np.bool_, copy=False), (x0, y0)
