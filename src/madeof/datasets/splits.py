"""Which photos are for training and which for validation: never one group, nor one photo, in two."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence

from madeof._util.text import show
from madeof.datasets.formats.finding import PLAIN_FOLDERS
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES

SPLITS = ("train", "val", "test")


def assign(
    names: Sequence[str],
    groups: Sequence[str],
    given: Sequence[str],
    *,
    val_fraction: float,
    seed: int,
    where: str,
) -> tuple[str, ...]:
    """The split of each photo.

    A split that is given stands, and holds for the photo's whole group. The others are drawn: a group (or a photo that
    has none) is in "val" when a hash of its name and `seed`, as a number in [0, 1), is under `val_fraction`. So no
    photo moves when others come or go, and "test" is never drawn. A photo's name is that of its file without suffix and
    folders, so that it does not move either when its data set is written in another format; of photos with one name
    the folders count too, but for those such as images/.

    Args:
        names: of the photos.
        groups: of the photos; "" is a group of its own.
        given: "train", "val", "test" or "" of each photo.
        val_fraction: in [0, 1).
        seed: another seed, another drawing.
        where: what to call the table in messages.

    Raises:
        DatasetError: a group is given in two splits.
    """
    of_group: dict[str, tuple[str, str]] = {}
    for name, group, split in zip(names, groups, given, strict=True):
        if not group or not split:
            continue
        known, other = of_group.setdefault(group, (split, name))
        if known != split:
            raise DatasetError(
                f"{where}: the group {show(group)!r} is in two splits, {known} ({show(other)}) and {split} "
                f"({show(name)}); a group must be in one"
            )

    called = _called(names)

    def drawn(key: str) -> str:
        text = f"{seed}\0{key}".encode("utf-8", "surrogatepass")
        number = int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / 2**64
        return "val" if number < val_fraction else "train"

    return tuple(
        split or (of_group[group][0] if group in of_group else drawn(group or name))
        for name, group, split in zip(called, groups, given, strict=True)
    )


def _called(names: Sequence[str]) -> list[str]:
    """What the photos are drawn by.

    >>> _called(["images/x.JPG", "y.z", "images/kitchen/1.png", "bath/1"])
    ['x', 'y.z', 'kitchen/1', 'bath/1']
    """
    paths = [unicodedata.normalize("NFC", name.replace("\\", "/")).split("/") for name in names]
    for parts in paths:
        stem, _, ending = parts[-1].rpartition(".")
        if stem and f".{ending.lower()}" in PHOTO_SUFFIXES:
            parts[-1] = stem
    same = Counter(parts[-1] for parts in paths)
    whole = [[part for part in parts[:-1] if part.casefold() not in PLAIN_FOLDERS] + parts[-1:] for parts in paths]
    return [parts[-1] if same[parts[-1]] == 1 else "/".join(parts) for parts in whole]
