"""Arrays and tensors of any library -> masks: bool, soft, 8-bit, logits; (H, W), (N, H, W), (N, 1, H, W)."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import RegionError

_LARGEST = {1: 255, 2: 65535}  # bytes of an unsigned integer -> full coverage


class Reading(NamedTuple):
    """Meaning of a mask's numbers, where they are ambiguous."""

    soft: bool = False
    """Unsigned integers of 8 or 16 bits are soft: value / 255 or value / 65535."""
    logits_above: float | None = None
    """Floats are logits, and what is above this is inside."""


HARD = Reading()
"""Masks say by themselves what they mean."""


def is_array(thing: object) -> bool:
    """Whether something is an array or a tensor, and no PIL image."""
    if isinstance(thing, np.ndarray):
        return True
    named = ("__array__", "__array_interface__", "__dlpack__")
    return any(hasattr(thing, name) for name in named) and not is_pil(thing) and not isinstance(thing, memoryview)


def is_pil(thing: object) -> bool:
    """Whether something is a PIL image."""
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(thing, pil.Image)


def to_numpy(thing: Any, name: str) -> NDArray[Any]:
    """An array, a tensor or a nested list as a NumPy array. Not a copy where it need not be one.

    Tensors are detached from their gradients and fetched from their device; bfloat16 becomes float32.

    Raises:
        RegionError: it is not an array of numbers.
    """
    if isinstance(thing, np.ndarray):
        array: NDArray[Any] = thing
    else:
        try:
            for step in ("detach", "cpu"):
                thing = getattr(thing, step)() if hasattr(thing, step) else thing
            if str(getattr(thing, "dtype", "")).startswith("torch.bfloat16"):
                thing = thing.float()
            array = np.asarray(thing)
        except Exception as error:  # of any library
            raise RegionError(
                f"{name} is a {type(thing).__name__} that NumPy cannot take ({show(str(error))[:200]}); "
                "expected an array of numbers"
            ) from error
    if array.dtype.kind == "V" and array.dtype.name == "bfloat16":  # of JAX
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf":
        raise RegionError(
            f"{name} has the dtype {array.dtype}; expected bool, or numbers: give each mask by itself, in a list"
        )
    return array


def each_mask(array: NDArray[Any], size: tuple[int, int], name: str) -> list[NDArray[Any]]:
    """The masks, (H, W) each, that an array holds: (H, W), (N, H, W), (N, 1, H, W), (H, W, 1) or (N, H, W, 1).

    Args:
        array: of any size; that is checked later.
        size: (height, width) of the photo.
        name: what messages call it.

    Raises:
        RegionError: its axes could mean several things, or none.
    """
    shape = array.shape
    got = f"{name} is an array of shape {shape}"
    if array.ndim == 2:
        return [array]
    if array.ndim == 3:
        if shape[1:] != size and shape[:2] == size:
            if shape[2] == 1:
                return [array[..., 0]]
            if shape[2] in (3, 4):
                raise RegionError(
                    f"{got}, a picture with channels; expected a mask (H, W): give one channel, such as the alpha "
                    "[..., 3] of a cut-out as a PIL image"
                )
            raise RegionError(f"{got}; expected the masks first, (N, H, W): give  masks.transpose(2, 0, 1)")
        return list(array)
    if array.ndim == 4 and shape[1] == 1:
        return list(array[:, 0])
    if array.ndim == 4 and shape[3] == 1 and shape[1:3] == size:
        return list(array[..., 0])
    if array.ndim == 4:
        raise RegionError(
            f"{got}; expected (N, H, W) or (N, 1, H, W): give  masks[0]  where the first axis is a batch of photos, or "
            "choose one of the candidates of each prompt by its score, such as  masks[:, 0]"
        )
    raise RegionError(f"{got}; expected masks of {size}, the photo's height and width: (H, W), (N, H, W), (N, 1, H, W)")


def mask_values(array: NDArray[Any], reading: Reading, name: str) -> NDArray[Any]:
    """A mask's values as `check_mask` takes them: soft integers as coverage, logits as bool, others as they are.

    Raises:
        RegionError: they cannot be what `reading` says.
    """
    if reading.logits_above is not None:
        if array.dtype.kind != "f":
            raise RegionError(f"{name} has the dtype {array.dtype}; expected float logits: leave out logits_above")
        if np.isnan(array).any():
            raise RegionError(f"{name} has values that are not numbers (NaN); expected logits")
        return np.asarray(array > reading.logits_above)
    if not reading.soft or array.dtype.kind not in "iu" or not array.size:
        return array
    full = _LARGEST.get(array.dtype.itemsize) if array.dtype.kind == "u" else None
    if full is None:
        raise RegionError(
            f"{name} has the dtype {array.dtype}; expected uint8 or uint16 for a soft mask: give  mask / 255  as floats"
        )
    if array.max() == 1:
        raise RegionError(
            f"{name} holds only 0 and 1, of {full}; expected a soft mask up to {full}: give  mask > 0  if 1 is inside"
        )
    return array.astype(np.float32) / np.float32(full)
