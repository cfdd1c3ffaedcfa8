"""Photo and masks changed together, by torchvision's transforms v2."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
_CLOSE = 1.15, 7.0  # the side of a close crop, in longer sides of the region's box
_LEAST_CROP = 40  # pixels of a photo; fewer are only blur
_COARSE = 0.25, 0.8  # to what share of its side a square is shrunk, and enlarged again
_CAST = 0.22  # standard deviation of the logarithm of exposure, and twice that of a channel's gain
_GAMMA = 0.2  # of the logarithm of gamma
_SHADED = 0.5  # how far a pasted region takes over the brightness of the place where it lies
_MOST_ENLARGED = 2.0  # beyond it a pasted region is only blur
_LEFT_OVER = 0.4  # what a pasted region must leave of another one for that to count still

Augmented = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.intp]]


class Augment:
    """A random square crop, mirrored half of the time, in other colours, with noisy masks.

    Args:
        side: pixels of the square's side.
        mask_noise: the share of masks that are dilated, eroded, replaced by their box or given a leak.
        close: the share of crops that are taken around one region, as a second look at a small one sees it.
        harsh: the share of crops with a colour cast and another exposure, and, drawn apart, of those that are shrunk
            and enlarged again; pasted regions are then turned, get a part of the brightness of their place and have
            soft edges.
        copy_paste_min: the least longer side of a pasted region, in sides of the square.
    """

    def __init__(
        self,
        side: int,
        mask_noise: float,
        *,
        close: float = 0.0,
        harsh: float = 0.0,
        copy_paste_min: float = _PASTED[0],
    ) -> None:
        self.side, self.mask_noise, self.close, self.harsh, self.copy_paste_min = (
            side, mask_noise, close, harsh, copy_paste_min,
        )  # fmt: skip
        self.crop = v2.RandomResizedCrop(side, scale=(0.2, 1.0), ratio=(3 / 4, 4 / 3), antialias=True)
        self.whole = v2.Resize((side, side), antialias=True)
        self.colour = v2.Compose(
            [
                v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.04)], p=0.8),
                v2.RandomGrayscale(0.05),
                v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], p=0.1),
            ]
        )
        self.flip = v2.RandomHorizontalFlip(0.5)

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
            cropped, cut = self.flip(*self._cropped(photo, regions))
            kept = cut.flatten(1).sum(dim=1) >= _LEAST_PIXELS
            if kept.any():
                break
        else:
            cropped, cut = self.whole(photo, regions)
            kept = cut.flatten(1).any(dim=1)
        cropped = self._harshened(self.colour(cropped))
        pixels = _compressed(cropped.permute(1, 2, 0).contiguous().numpy())
        chosen = torch.nonzero(kept).flatten()
        noisy = [self._noise(mask) for mask in cut[chosen].to(torch.float32)]
        shape = (0, *pixels.shape[:2])
        stacked = torch.stack(noisy).numpy() if noisy else np.zeros(shape, dtype=np.float32)
        return pixels, stacked, chosen.numpy()

    def paste(
        self, image: NDArray[np.uint8], masks: NDArray[np.float32], donor: NDArray[np.uint8], region: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
        """Paste a region of another photo into an augmented one (copy-paste), whose surroundings then do not help.

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
        low, high = self.copy_paste_min, _PASTED[1]
        side = image.shape[0]
        scale = min(_MOST_ENLARGED, side * (low + (high - low) * float(torch.rand(()))) / max(mask.shape[1:]))
        photo, mask = (
            v2.functional.resize(x, [max(1, round(n * scale)) for n in mask.shape[1:]]) for x in (photo, mask)
        )
        photo, mask = self.flip(photo, mask)
        if self.harsh:
            photo, mask = _turned(photo, mask, side)
        size = mask.shape[1:]
        top, left = (int(torch.randint(0, side - length + 1, ())) for length in size)
        window = np.s_[top : top + size[0], left : left + size[1]]
        inside = mask[0].numpy().astype(bool)
        pasted, image = np.zeros(image.shape[:2], dtype=np.float32), image.copy()
        pasted[window] = inside
        colours = self.colour(photo).permute(1, 2, 0).numpy()
        image[window] = _laid(image[window], colours, inside) if self.harsh else _cut(image[window], colours, inside)
        before = masks.sum(axis=(1, 2))
        masks = np.concatenate([masks * (1 - pasted), self._noise(torch.from_numpy(pasted)).numpy()[np.newaxis]])
        after = masks.sum(axis=(1, 2))
        counts = after >= np.maximum(_LEAST_PIXELS, _LEFT_OVER * np.append(before, 0))
        return image, masks, counts

    def _cropped(self, photo: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """A square of the photo, of random place and size, or around one of its regions."""
        present = torch.nonzero(regions.flatten(1).any(dim=1)).flatten() if self.close else regions[:0]
        if not len(present) or float(torch.rand(())) >= self.close:
            crop: tuple[Tensor, Tensor] = self.crop(photo, regions)
            return crop
        region = regions[present[int(torch.randint(len(present), ()))]]
        rows, columns = torch.nonzero(region.any(dim=1)).flatten(), torch.nonzero(region.any(dim=0)).flatten()
        boxes = [(int(ends[0]), int(ends[-1]) + 1) for ends in (rows, columns)]
        low, high = (math.log(factor) for factor in _CLOSE)
        longest = max(stop - start for start, stop in boxes)
        wanted = max(_LEAST_CROP, longest * math.exp(low + (high - low) * float(torch.rand(()))))
        corner, lengths = [], []
        for (start, stop), whole in zip(boxes, region.shape, strict=True):
            length = min(whole, round(wanted))
            first, last = sorted((max(0, start), stop - length))  # any window that holds the region, or lies in it
            first, last = max(0, min(first, whole - length)), max(0, min(last, whole - length))
            corner.append(first + int((last - first + 1) * float(torch.rand(()))))
            lengths.append(length)
        cut = (v2.functional.resized_crop(x, *corner, *lengths, [self.side] * 2) for x in (photo, regions))
        return next(cut), next(cut)

    def _harshened(self, photo: Tensor) -> Tensor:
        """With a colour cast and another exposure, and coarser, each for a share of the photos."""
        if float(torch.rand(())) < self.harsh:
            gains = torch.exp(_CAST * torch.randn(()) + _CAST / 2 * torch.randn(3, 1, 1))
            gamma = math.exp(_GAMMA * float(torch.randn(())))
            photo = ((photo / 255) ** gamma * gains * 255).clamp(0, 255).to(torch.uint8)
        if float(torch.rand(())) < self.harsh:
            low, high = _COARSE
            small = max(1, round(self.side * (low + (high - low) * float(torch.rand(())))))
            photo = v2.functional.resize(v2.functional.resize(photo, [small] * 2, antialias=True), [self.side] * 2)
        return photo

    def _noise(self, mask: Tensor) -> Tensor:
        if float(torch.rand(())) >= self.mask_noise:
            return mask
        kind = int(torch.randint(4 if self.harsh else 3, ()))
        if kind == 3:
            return _leaky(mask)
        if kind == 2:
            rows, columns = torch.nonzero(mask.any(dim=1)), torch.nonzero(mask.any(dim=0))
            box = torch.zeros_like(mask)
            box[int(rows[0]) : int(rows[-1]) + 1, int(columns[0]) : int(columns[-1]) + 1] = 1
            return box
        radius = int(torch.randint(1, _GREATEST_NOISE + 1, ()))
        grown = _grown(mask if kind == 0 else 1 - mask, radius)
        changed = grown if kind == 0 else 1 - grown
        return changed if changed.any() else mask


def tiled(
    tiles: Sequence[Augmented], across: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32], list[NDArray[np.intp]]]:
    """Lay augmented photos of one size out as a square of `across` x `across`.

    Returns:
        the picture; all masks, those of the first tile first; and each tile's own third part.
    """
    rows = [np.concatenate([image for image, _, _ in tiles[i : i + across]], 1) for i in range(0, len(tiles), across)]
    picture = np.concatenate(rows)
    masks = np.zeros((sum(len(own) for _, own, _ in tiles), *picture.shape[:2]), dtype=np.float32)
    start = 0
    for number, (image, own, _) in enumerate(tiles):
        height, width = image.shape[:2]
        top, left = number // across * height, number % across * width
        masks[start : start + len(own), top : top + height, left : left + width] = own
        start += len(own)
    return picture, masks, [kept for _, _, kept in tiles]


def _grown(mask: Tensor, radius: int) -> Tensor:
    """The mask and what lies at most `radius` pixels down and right of it; by rows, then columns, six times as fast."""
    for kernel, padding in (((2 * radius + 1, 1), (radius, 0)), ((1, 2 * radius + 1), (0, radius))):
        mask = F.max_pool2d(mask[None], kernel, stride=1, padding=padding)[0]
    return mask


def _leaky(mask: Tensor) -> Tensor:
    """The mask with a disc at its edge, a tenth to a half as large: what a click on a photo often takes too."""
    edge = torch.nonzero(_grown(mask, 1) != mask)
    if not len(edge):
        return mask
    row, column = edge[int(torch.randint(len(edge), ()))]
    area = float(mask.sum()) * (0.1 + 0.4 * float(torch.rand(())))
    down = torch.arange(mask.shape[0])[:, None] - row
    right = torch.arange(mask.shape[1])[None] - column
    return torch.maximum(mask, ((down**2 + right**2) <= area / math.pi).to(mask.dtype))


def _turned(photo: Tensor, mask: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Photo and mask turned by any angle, cut to what the mask needs; unturned where that is larger than `most`."""
    angle = 360 * float(torch.rand(()))
    turned = v2.functional.rotate(mask, angle, expand=True)
    rows, columns = torch.nonzero(turned[0].any(dim=1)).flatten(), torch.nonzero(turned[0].any(dim=0)).flatten()
    if not len(rows) or max(int(ends[-1]) + 1 - int(ends[0]) for ends in (rows, columns)) > most:
        return photo, mask
    pixels = v2.functional.rotate(photo, angle, interpolation=v2.InterpolationMode.BILINEAR, expand=True)
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    return pixels[:, *box], turned[:, *box]


def _cut(ground: NDArray[np.uint8], photo: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The photo where `inside`, else the ground; (H, W, 3) each."""
    cut: NDArray[np.uint8] = np.where(inside[..., np.newaxis], photo, ground)
    return cut


def _laid(ground: NDArray[np.uint8], photo: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """As `_cut`, but with soft edges and a part of the ground's brightness."""
    there, own = float(ground.mean()) + 1, float(photo[inside].mean()) + 1 if inside.any() else 1.0
    shaded = (photo * (there / own) ** _SHADED).clip(0, 255)
    mask = torch.from_numpy(inside.astype(np.float32))[None, None]
    edge = F.avg_pool2d(mask, 3, stride=1, padding=1)[0, 0].numpy() * inside
    mixed = edge[..., np.newaxis] * shaded + (1 - edge[..., np.newaxis]) * ground
    return np.asarray(mixed, dtype=np.uint8)


def _compressed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One in five times with the traces of a JPEG of random quality; torchvision's own needs its compiled part."""
    if float(torch.rand(())) >= _COMPRESSED:
        return pixels
    quality = int(torch.randint(*_QUALITY, ()))
    decoded: NDArray[np.uint8] = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(pixels, quality))
    return decoded
