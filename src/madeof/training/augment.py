"""Photo and masks changed together, by torchvision's transforms v2."""

from __future__ import annotations

import numpy as np
import simplejpeg
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from madeof.nets.libraries import tv_tensors, v2

_LEAST_PIXELS = 16  # what must be left of a region in a crop for it to count
_TRIES = 4
_GREATEST_NOISE = 5  # pixels by which a mask is dilated or eroded at most
_COMPRESSED = 0.2  # share of the photos
_QUALITY = 30, 95
_PASTED = 0.15, 0.7  # the longer side of a pasted region, in sides of the square
_MOST_ENLARGED = 2.0  # beyond it a pasted region is only blur
_LEFT_OVER = 0.4  # what a pasted region must leave of another one for that to count still

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
                v2.RandomResizedCrop(side, scale=(0.2, 1.0), ratio=(3 / 4, 4 / 3), antialias=True),
                v2.RandomHorizontalFlip(0.5),
            ]
        )
        self.whole = v2.Resize((side, side), antialias=True)
        self.colour = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.04)], p=0.8),
                v2.RandomGrayscale(0.05),
                v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], p=0.1),
            ]
        )
        self.flip = v2.RandomHorizontalFlip(0.5)
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
        pixels = _compressed(self.colour(cropped).permute(1, 2, 0).contiguous().numpy())
        chosen = torch.nonzero(kept).flatten()
        noisy = [self._noise(mask) for mask in cut[chosen].to(torch.float32)]
        shape = (0, *pixels.shape[:2])
        stacked = torch.stack(noisy).numpy() if noisy else np.zeros(shape, dtype=np.float32)
        return pixels, stacked, chosen.numpy()

    def paste(
        self, image: NDArray[np.uint8], masks: NDArray[np.float32], donor: NDArray[np.uint8], region: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
        """Put a region of another photo into an augmented one, so that its surroundings tell nothing.

        It gets a random size and place, is mirrored half of the time and has its own colours.

        Args:
            image: (side, side, 3) uint8, as `__call__` gave it.
            masks: (M, side, side) float32.
            donor: the other photo, (H, W, 3) uint8 RGB.
            region: its region, (H, W) bool, not empty.

        Returns:
            the photo; M + 1 masks, the pasted one last; and which of them still count, (M + 1,) bool.
        """
        rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        photo = tv_tensors.Image(torch.tensor(donor[box]).permute(2, 0, 1))
        mask = tv_tensors.Mask(torch.tensor(region[box].view(np.uint8))[None])
        low, high = _PASTED
        side = image.shape[0]
        scale = min(_MOST_ENLARGED, side * (low + (high - low) * float(torch.rand(()))) / max(mask.shape[1:]))
        size = [max(1, round(length * scale)) for length in mask.shape[1:]]
        photo, mask = self.flip(v2.functional.resize(photo, size), v2.functional.resize(mask, size))
        top, left = (int(torch.randint(0, side - length + 1, ())) for length in size)
        window = np.s_[top : top + size[0], left : left + size[1]]
        inside = mask[0].numpy().astype(bool)
        pasted, image = np.zeros(image.shape[:2], dtype=np.float32), image.copy()
        pasted[window] = inside
        image[window][inside] = self.colour(photo).permute(1, 2, 0).numpy()[inside]
        before = masks.sum(axis=(1, 2))
        masks = np.concatenate([masks * (1 - pasted), self._noise(torch.from_numpy(pasted)).numpy()[np.newaxis]])
        after = masks.sum(axis=(1, 2))
        counts = after >= np.maximum(_LEAST_PIXELS, _LEFT_OVER * np.append(before, 0))
        return image, masks, counts

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


def _compressed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One in five times with the traces of a JPEG of random quality; torchvision's own needs its compiled part."""
    if float(torch.rand(())) >= _COMPRESSED:
        return pixels
    quality = int(torch.randint(*_QUALITY, ()))
    decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(pixels, quality))
    return decoded
