"""WebDataset: tar files whose members share a key (`a.jpg`, `a.mask.png`, `a.json`), one sample a photo.

- the photo: `.jpg`, `.jpeg`, `.png`, `.webp`, `.tif`, `.tiff`, `.bmp` or `.gif`;
- masks: `.mask.png`, or `.NAME.mask.png` for a region with a name;
- a label map: `.label_map.png`, `.labels.png` or `.seg.png`;
- `.json`: an object whose `regions` are a list of {"box"}, {"polygon"} or {"rle"}, perhaps with "name" and "material".

A key is a member's path up to the first dot of its base name. The members of a sample stand together. A tar file is
walked through from front to back, and one sample is in memory at a time.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import IO, Any

from madeof._util.text import show
from madeof.batch.remote import opened
from madeof.batch.tasks import Task
from madeof.errors import DatasetError, RegionError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.regions.parsing import shape_in
from madeof.regions.request import Broken, LabelMapFile, MaskFile, RegionRequest

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_LABEL_MAPS = ("label_map.png", "labels.png", "seg.png")
_MASK = "mask.png"
_MOST_BYTES = 1 << 30  # of a member; it is read into memory whole

_Member = tuple[str, str, tarfile.TarInfo]
"""Key, extension, and what the tar says."""


class Tars:
    """The samples of tar files, in order; see `madeof.batch.sources.Source`."""

    kind = "webdataset"
    total: int | None = None
    """Not known before all is read."""

    def __init__(self, tars: Sequence[tuple[str, int]]) -> None:
        """Nothing is read.

        Args:
            tars: their places, local or URLs, each with its bytes.
        """
        self._tars = [place for place, _ in tars]
        digest = hashlib.sha256()
        for place, size in tars:
            digest.update(f"{place.rpartition('/')[2]}\0{size}\n".encode("utf-8", "surrogatepass"))
        self.stamp: dict[str, Any] = {"tars": len(tars), "sha256": digest.hexdigest()}

    def tasks(self, wanted: Callable[[int], bool]) -> Iterator[tuple[int, Task]]:
        """See `Source`."""
        number = 0
        for place in self._tars:
            with opened(place) as file:
                try:
                    with _tar(file, place) as tar:
                        for key, members in groupby(_members(tar), lambda member: member[0]):
                            if wanted(number):
                                # Now, and not when it is asked for: the tar goes on.
                                yield number, _task(f"{place}/{key}", tar, members)
                            number += 1
                except (tarfile.TarError, EOFError) as error:
                    raise DatasetError(
                        f"{show(place)} is not a tar file that can be read to its end: {show(str(error))[:200]}; "
                        "get it again"
                    ) from error


def _tar(file: IO[bytes], place: str) -> tarfile.TarFile:
    # What is not compressed and can be sought in is walked through without reading what is not wanted.
    plain = place.lower().endswith(".tar") and file.seekable()
    return tarfile.open(fileobj=file, mode="r:" if plain else "r|*")


def _members(tar: tarfile.TarFile) -> Iterator[_Member]:
    for member in tar:
        vars(tar)["members"] = []  # else it remembers all that it has passed
        if not member.isfile():
            continue
        folder, slash, name = member.name.rpartition("/")
        stem, dot, extension = name.partition(".")
        if stem and dot:
            yield folder + slash + stem, extension.lower(), member


def _task(name: str, tar: tarfile.TarFile, members: Iterator[_Member]) -> Task:
    """The task of one sample; `name` is the tar's place and the key."""
    photos: list[tuple[str, bytes]] = []
    asked: list[RegionRequest] = []
    for _, extension, member in members:
        wanted = f".{extension}" in PHOTO_SUFFIXES or extension == "json" or extension.endswith(".png")
        if not wanted:
            continue
        if member.size > _MOST_BYTES:
            return Task(name, error=f"{show(name)}.{extension} has more than {_MOST_BYTES >> 30} GB; expected less")
        file = tar.extractfile(member)
        data = file.read() if file is not None else b""
        if len(data) < member.size:
            raise tarfile.ReadError("unexpected end of data")
        if f".{extension}" in PHOTO_SUFFIXES:
            photos.append((extension, data))
        elif extension == "json":
            asked += _from_json(data)
        elif extension in _LABEL_MAPS:
            asked.append(RegionRequest("label map", LabelMapFile((data,))))
        elif extension == _MASK or extension.endswith(f".{_MASK}"):
            name_of_mask = extension.removesuffix(_MASK).rstrip(".") or "mask"
            asked.append(RegionRequest(name_of_mask, MaskFile(data)))
    if len(photos) != 1:
        found = " and ".join(f".{extension}" for extension, _ in photos) or "no photo"
        return Task(name, error=f"{show(name)}: it has {found}; expected one photo, and masks as .mask.png")
    extension, data = photos[0]
    return Task(f"{name}.{extension}", data, asked)


def _from_json(data: bytes) -> list[RegionRequest]:
    """The regions of a sample's JSON; none where it says nothing of regions."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        return [_broken("json", f"its json cannot be read: {show(str(error))[:200]}")]
    regions = value.get("regions") if isinstance(value, dict) else None
    if regions is None:
        return []
    if not isinstance(regions, list):
        return [_broken("json", "the regions of its json are no list; expected a list of objects")]
    asked: list[RegionRequest] = []
    for number, region in enumerate(regions):
        name = f"region {number}"
        if not isinstance(region, dict):
            asked.append(_broken(name, f"{name} of its json is no object; expected one with box, polygon or rle"))
            continue
        if isinstance(region.get("name"), str):
            name = region["name"]
        truth = region["material"] if isinstance(region.get("material"), str) else ""
        try:
            asked.append(RegionRequest(name, shape_in(region), truth))
        except RegionError as error:
            asked.append(_broken(name, f"region {number} of its json: {error}"))
    return asked


def _broken(name: str, error: str) -> RegionRequest:
    return RegionRequest(name, Broken(error))
