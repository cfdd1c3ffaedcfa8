"""Photo and masks changed together, by torchvision's transforms v2."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from madeof.nets.libraries import tv_tensors, v2

_LEAST_PIXELS = 16  # what must be left of a region in a crop for it to count
_TRIES = 4
_GREATEST_NOISE = 5  # pixels by which a mask is dilated or eroded at most

Augmented = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.intp]]


class Augment:
    """A random square crop, mirrored half of the time, in other colours, with noisy masks.

    Args:
        side: pixels of the square's side.
        mask_noise: the share of masks that are dilated, eroded or replaced by their box.
    """

    def __init__(self, side: int, mask_noise: float) -> None:
        self.crop = v2.Compose(
            [
                v2.RandomResizedCrop(side, scale=(0.3, 1.0), ratio=(3 / 4, 4 / 3), antialias=True),
                v2.RandomHorizontalFlip(0.5),
            ]
        )
        self.whole = v2.Resize((side, side), antialias=True)
        self.colour = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(0.3, 0.3, 0.3, 0.03)], p=0.8),
                v2.RandomGrayscale(0.05),
                v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], p=0.1),
            ]
        )
        self.mask_noise = mask_noise

    def __call__(self, image: NDArray[np.uint8], masks: NDArray[np.bool_]) -> Augmented:
        """Augment one photo with its regions. Randomness comes from PyTorch's global generator.

        Args:
            image: (H, W, 3) uint8 RGB.
            masks: (N, H, W) bool.

        Returns:
            photo (side, side, 3) uint8; masks (M, side, side) float32, 0 or 1; and which M of the N regions they are:
            a region that the crop misses is left out.
        """
        photo = tv_tensors.Image(torch.tensor(image).permute(2, 0, 1))
        regions = tv_tensors.Mask(torch.tensor(masks.view(np.uint8)))
        for _ in range(_TRIES):
            cropped, cut = self.crop(photo, regions)
            kept = cut.flatten(1).sum(dim=1) >= _LEAST_PIXELS
            if kept.any():
                break
        else:
            cropped, cut = self.whole(photo, regions)
            kept = cut.flatten(1).any(dim=1)
        pixels = self.colour(cropped).permute(1, 2, 0).contiguous().numpy()
        chosen = torch.nonzero(kept).flatten()
        noisy = [self._noise(mask) for mask in cut[chosen].to(torch.float32)]
        shape = (0, *pixels.shape[:2])
        stacked = torch.stack(noisy).numpy() if noisy else np.zeros(shape, dtype=np.float32)
        return pixels, stacked, chosen.numpy()

    def _noise(self, mask: Tensor) -> Tensor:
        if float(torch.rand(())) >= self.mask_noise:
            return mask
        kind = int(torch.randint(3, ()))
        if kind == 2:
            rows, columns = torch.nonzero(mask.any(dim=1)), torch.nonzero(mask.any(dim=0))
            box = torch.zeros_like(mask)
            box[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1] = 1
            return box
        radius = int(torch.randint(1, _GREATEST_NOISE + 1, ()))
        grown = F.max_pool2d((mask if kind == 0 else 1 - mask)[None], 2 * radius + 1, stride=1, padding=radius)[0]
        changed = grown if kind == 0 else 1 - grown
        return changed if changed.any() else mask
