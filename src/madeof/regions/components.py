"""Connected components of label maps."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from madeof.regions.conventions.label_maps import label_values
from madeof.regions.region import Region


def at_size(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A picture's values, (h, w), at `size` (height, width): each pixel has that of the one that holds its centre."""
    if values.shape == size:
        return values
    rows = (np.arange(size[0]) * 2 + 1) * values.shape[0] // (2 * size[0])
    columns = (np.arange(size[1]) * 2 + 1) * values.shape[1] // (2 * size[1])
    return np.asarray(values[rows[:, None], columns])


def by_values(label_map: NDArray[Any], min_area: int = 1) -> list[Region]:
    """The regions of a label map, (H, W) integers: one for each value but 0, wherever its pixels lie."""
    values, counts = np.unique(label_map, return_counts=True)
    size = label_map.shape[0], label_map.shape[1]
    return [
        Region(f"label {value}", label_map == value, int(value), photo_size=size).tight()
        for value, count in zip(values.tolist(), counts.tolist(), strict=True)
        if value and count >= min_area
    ]


class Components(NamedTuple):
    """The 8-connected components of a label map, in reading order of their first pixels."""

    components: NDArray[Any]
    """(H, W) labels: 0 outside all components, k + 1 in component k."""
    values: NDArray[Any]
    """(n,): the label map's value in each component."""
    areas: NDArray[np.int64]
    """(n,) in pixels."""
    boxes: NDArray[np.int64]
    """(n, 4): x0, y0, x1, y1; x1 and y1 one past the last pixel."""


def connected_components(label_map: NDArray[Any], ignore: Collection[int] = (0,)) -> Components:
    """Label the 8-connected components of all values of a label map, in one pass.

    Args:
        label_map: (H, W) integers, 0 and above.
        ignore: values without components. 0 is always one of them.
    """
    import cc3d

    for value in set(ignore) - {0}:
        label_map = np.where(label_map == value, label_map.dtype.type(0), label_map)
    writable = np.require(label_map, requirements=["C", "W"])  # cc3d refuses what it might not write to
    components, count = cc3d.connected_components(writable, connectivity=8, return_N=True)
    return _measured(components, int(count), label_map)


def object_map(label_map: NDArray[Any], objects: NDArray[Any]) -> Components:
    """As `connected_components`, but all pixels of one value and one object, (H, W) integers, are one component."""
    both = np.where(label_map > 0, objects.astype(np.int64) * (int(label_map.max()) + 1) + label_map, 0)
    found, first, inverse = np.unique(both, return_index=True, return_inverse=True)
    order = np.argsort(np.where(found > 0, first, -1), kind="stable")  # nothing, then as they are met
    position = np.zeros(len(found), dtype=np.int32)
    position[order] = np.arange(len(found)) + (0 if found[0] == 0 else 1)
    return _measured(position[inverse.reshape(both.shape)], int(position.max()), label_map)


def _measured(components: NDArray[Any], count: int, label_map: NDArray[Any]) -> Components:
    # Runs of one component within a row are enough, and far fewer than pixels.
    first = np.ones(components.shape, dtype=np.bool_)
    np.not_equal(components[:, 1:], components[:, :-1], out=first[:, 1:])
    starts = np.flatnonzero(first)
    lengths = np.diff(starts, append=components.size)
    component = components.ravel()[starts]
    rows, columns = np.divmod(starts, components.shape[1])
    values = np.zeros(count + 1, dtype=label_map.dtype)
    values[component] = label_map.ravel()[starts]
    areas = np.bincount(component, weights=lengths, minlength=count + 1).astype(np.int64)
    boxes = np.zeros((count + 1, 4), dtype=np.int64)
    boxes[:, :2] = max(components.shape)
    for side, ends in ((0, columns), (1, rows)):
        np.minimum.at(boxes[:, side], component, ends)
    for side, ends in ((2, columns + lengths), (3, rows + 1)):
        np.maximum.at(boxes[:, side], component, ends)
    return Components(components, values[1:], areas[1:], boxes[1:])


def regions_from_label_map(
    label_map: Any, *, min_area: int = 1, ignore: Collection[int] = (), background: int = 0
) -> list[Region]:
    """The regions of a label map: one for each 8-connected component of `min_area` pixels or more, sorted by value.

    Each holds no more than its own box, so that a hundred of them cost little more than one.

    Components of one value are numbered from 1 in reading order, small ones included: `min_area` changes no name.

    Args:
        label_map: an array, a tensor of any library or nested lists, (H, W) or (1, H, W): whole numbers.
        min_area: in pixels.
        ignore: values that make no regions; the background never does.
        background: the value where there is nothing. Some of transformers' maps have -1 there, and 0 is an object.

    Raises:
        RegionError: it is something else, or has negative values besides the background.
    """
    label_map = label_values(label_map, background)
    raised = 1 if background else 0
    components = connected_components(label_map, [value + raised for value in ignore])
    regions = []
    for value in np.unique(components.values).tolist():
        for number, component in enumerate(np.flatnonzero(components.values == value).tolist(), start=1):
            if components.areas[component] >= min_area:
                x0, y0, x1, y1 = components.boxes[component].tolist()
                cut = components.components[y0:y1, x0:x1] == component + 1
                label = value - raised
                size = label_map.shape[0], label_map.shape[1]
                regions.append(Region(f"label {label} #{number}", cut, label, (x0, y0), size))
    return regions
