"""WebDataset: tar files whose members share a key (`a.jpg`, `a.mask.png`, `a.json`), one sample a photo.

- the photo: `.jpg`, `.jpeg`, `.png`, `.webp`, `.tif`, `.tiff`, `.bmp` or `.gif`;
- masks: `.mask.png`, or `.NAME.mask.png` for a region with a name;
- a label map: `.label_map.png`, `.labels.png` or `.seg.png`;
- `.json`: an object whose `regions` are a list of {"box"}, {"polygon"} or {"rle"}, perhaps with "name" and "material";
  the list alone, or one such object, is taken too. `columns` has the names that other tools give to these.

A member or key of another name that looks like regions (`.segmentation.png`, `objects`) is the sample's error.

A key is a member's path up to the first dot of its base name. The members of a sample stand together. A tar file is
walked through from front to back, and one sample is in memory at a time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tarfile
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import IO, Any

from madeof._util.text import join_some, show
from madeof.batch.remote import opened
from madeof.batch.sources.columns import columns_of, looks_like_labels, looks_like_region, parse_columns
from madeof.batch.sources.tables import request_of
from madeof.batch.tasks import Task
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES, UNREAD_SUFFIXES
from madeof.regions.request import Broken, LabelMapFile, MaskFile, RegionRequest
from madeof.regions.shapes import Whole

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_LABEL_MAPS = ("label_map.png", "labels.png", "seg.png")
_MASK = "mask.png"
_READ = ".mask.png, .label_map.png, .labels.png, .seg.png or .json"
_MOST_BYTES = 1 << 30  # of a member; it is read into memory whole
_DATA = (
    ".npy",
    ".npz",
    ".pth",
    ".pt",
    ".xml",
    ".geojson",
    ".jsonl",
)  # in a photo's sample, most likely its annotations

_logger = logging.getLogger("madeof")

_Member = tuple[str, str, tarfile.TarInfo]
"""Key, extension, and what the tar says."""


class Tars:
    """The samples of tar files, in order; see `madeof.batch.sources.Source`."""

    kind = "webdataset"
    total: int | None = None
    """Not known before all is read."""

    def __init__(self, tars: Sequence[tuple[str, int]], columns: str | None = None) -> None:
        """Nothing is read.

        Args:
            tars: their places, local or URLs, each with its bytes.
            columns: what keys of other names hold; see `madeof.batch.sources.columns`.

        Raises:
            InputError: `columns` is none of ours.
        """
        self._tars = [place for place, _ in tars]
        self._told = parse_columns(columns)
        digest = hashlib.sha256()
        for place, size in tars:
            digest.update(f"{place.rpartition('/')[2]}\0{size}\n".encode("utf-8", "surrogatepass"))
        self.stamp: dict[str, Any] = {"tars": len(tars), "sha256": digest.hexdigest()}

    def tasks(self, wanted: Callable[[int], bool]) -> Iterator[tuple[int, Task]]:
        """See `Source`."""
        number = 0
        unused: set[str] = set()
        for place in self._tars:
            with opened(place) as file:
                try:
                    with _tar(file, place) as tar:
                        for key, members in groupby(_members(tar), lambda member: member[0]):
                            if wanted(number):
                                # Now, and not when it is asked for: the tar goes on.
                                yield number, self._task(f"{place}/{key}", tar, members, unused)
                            number += 1
                except (tarfile.TarError, EOFError) as error:
                    raise DatasetError(
                        f"{show(place)} is not a tar file that can be read to its end: {show(str(error))[:200]}; "
                        "get it again"
                    ) from error
        if unused:
            _logger.info("%s: not used of its samples: %s", show(self._tars[0]), show(join_some(sorted(unused))))

    def _task(self, name: str, tar: tarfile.TarFile, members: Iterator[_Member], unused: set[str]) -> Task:
        """The task of one sample; `name` is the tar's place and the key. Adds to `unused` members and keys."""
        photos: list[tuple[str, bytes]] = []
        others: list[str] = []
        asked: list[RegionRequest] = []
        for _, extension, member in members:
            suffix = f".{extension}"
            is_mask = extension == _MASK or extension.endswith(f".{_MASK}")
            if not (suffix in PHOTO_SUFFIXES or extension == "json" or extension in _LABEL_MAPS or is_mask):
                if suffix in UNREAD_SUFFIXES:
                    others.append(suffix)
                elif suffix.endswith(_DATA) or looks_like_region(extension):
                    asked.append(_broken(extension, f"its {suffix} is of no kind that is read; expected {_READ}"))
                else:
                    unused.add(suffix)
                continue
            if member.size > _MOST_BYTES:
                return Task(name, error=f"{show(name)}.{extension} has more than {_MOST_BYTES >> 30} GB; expected less")
            file = tar.extractfile(member)
            data = file.read() if file is not None else b""
            if len(data) < member.size:
                raise tarfile.ReadError("unexpected end of data")
            if suffix in PHOTO_SUFFIXES:
                photos.append((extension, data))
            elif extension == "json":
                asked += self._from_json(data, unused)
            elif extension in _LABEL_MAPS:
                asked.append(RegionRequest("label map", LabelMapFile((data,))))
            else:
                asked.append(RegionRequest(extension.removesuffix(_MASK).rstrip(".") or "mask", MaskFile(data)))
        if len(photos) != 1:
            found = (
                " and ".join(f".{extension}" for extension, _ in photos) or f"no photo{''.join(others and [' but '])}"
            )
            found += " and ".join(others)
            return Task(name, error=f"{show(name)}: it has {found}; expected one photo, and masks as .mask.png")
        extension, data = photos[0]
        return Task(f"{name}.{extension}", data, asked)

    def _from_json(self, data: bytes, unused: set[str]) -> list[RegionRequest]:
        """The regions of a sample's JSON; none where it says nothing of regions."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            return [_broken("json", f"its json cannot be read: {show(str(error))[:200]}")]
        if isinstance(value, dict):
            told = next((theirs for ours, theirs in self._told if ours == "regions" and theirs in value), "regions")
            ignored = {theirs for ours, theirs in self._told if ours == "ignore"}
            others = {key: one for key, one in value.items() if key != told and key not in ignored}
            if value.get(told) is None:
                value = [others] if any(map(looks_like_region, others)) else []
            else:
                value = value[told]
            if not value and (inner := _regions_within(others)):
                hint = f"--columns regions={inner[0]}, or ignore={inner[0]} to leave it out"
                return [
                    _broken(
                        "json", f"the {show(join_some(inner))} of its json may be regions; expected regions: {hint}"
                    )
                ]
            unused.update(f"{key} of the json" for key in others if not value)
        if not isinstance(value, list):
            return [_broken("json", "the regions of its json are no list; expected a list of objects")]
        return [self._region(f"region {number} of its json", region, number) for number, region in enumerate(value)]

    def _region(self, label: str, region: Any, number: int) -> RegionRequest:
        name = f"region {number}"
        if not isinstance(region, dict):
            return _broken(name, f"{name} of its json is no object; expected one with box, polygon or rle")
        try:
            ours, _ = columns_of(list(region), self._told, label, all_there=False)
        except DatasetError as error:
            return _broken(name, str(error))
        values = {ours[key.strip().casefold()]: one for key, one in region.items() if key.strip().casefold() in ours}
        given = region.get("name")
        values.setdefault("region", given if isinstance(given, str) and given else name)
        request = request_of(label, values, _no_file)
        if isinstance(request.source, Whole):
            return _broken(values["region"], f"{label} has no shape; expected one of box, polygon, rle")
        return request


def _no_file(value: Any) -> str | bytes:
    raise DatasetError(f"{show(str(value))[:80]} is a file; expected it in the sample, as .mask.png or .seg.png")


def _regions_within(value: dict[str, Any]) -> list[str]:
    """The keys, of whatever depth, that look like regions; a class alone is none."""
    found: list[str] = []
    todo: list[Any] = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, list):
            todo += each
        elif isinstance(each, dict):
            for key, one in each.items():
                if one not in (None, [], {}) and (
                    looks_like_region(key) or (looks_like_labels(key) and isinstance(one, list | dict))
                ):
                    found.append(key)
            todo += each.values()
    return list(dict.fromkeys(found))


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


def _broken(name: str, error: str) -> RegionRequest:
    return RegionRequest(name, Broken(error))
