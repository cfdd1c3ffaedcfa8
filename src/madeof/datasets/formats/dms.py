"""The Dense Material Segmentation dataset (Upchurch and Niu 2022, arXiv 2207.10614).

It has images/SPLIT/NAME.jpg, label maps labels/SPLIT/NAME.png, and `info.json.gz` or `taxonomy.json`. The names are
those of `taxonomy.json` where it is there, else the 52 that we know. Its five values that are no material (0 no label,
22 I cannot tell, 28 not on list, 54 bad polygon, 55 multiple materials) are no region.

The photos are not part of the download but must be fetched from Open Images and brought to the label maps' sizes: label
maps without a photo are counted, and no error as long as there is any photo.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from pathlib import Path

from madeof._util.text import brief, show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats.map_regions import Values, map_annotations
from madeof.datasets.formats.parsing import head, read_json
from madeof.datasets.formats.values import whole
from madeof.errors import DatasetError
from madeof.materials.lists import DMS, VALUES

_NO_MATERIAL = frozenset({0, 22, 28, 54, 55})


def matches(path: Path) -> bool:
    """Whether it is a folder with labels/ and DMS' own `info.json.gz` or `taxonomy.json`."""
    with contextlib.suppress(OSError, ValueError, EOFError, zlib.error):
        if not (path / "labels").is_dir():
            return False
        if '"semantic_labels"' in head(path / "taxonomy.json"):
            return True
        with gzip.open(path / "info.json.gz", "rb") as file:
            return b'"openimages_metadata"' in file.read(1 << 16)
    return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder.

    Args:
        path: the folder with images/ and labels/.
        images: the folder of photos, in place of images/.

    Raises:
        DatasetError: a folder is missing, or `taxonomy.json` is broken.
    """
    taxonomy = path / "taxonomy.json"
    if taxonomy.is_file():
        values = _values(taxonomy)
    else:
        values = Values(dict(zip(VALUES["dms"], DMS, strict=True)), _NO_MATERIAL, where="the 57 values of DMS")
    return map_annotations(
        path,
        images or path / "images",
        path / "labels",
        values,
        missing_photos="label maps whose photo was not fetched",
    )


def _values(path: Path) -> Values:
    """What `taxonomy.json` says of the values: its `names`, of which its `semantic_labels` are materials."""
    content = read_json(path)
    names = content.get("names") if isinstance(content, dict) else None
    labels = content.get("semantic_labels") if isinstance(content, dict) else None
    if not isinstance(names, list) or not isinstance(labels, list) or not names or not labels:
        raise DatasetError(f"{show(path)}: expected lists names and semantic_labels")
    found: dict[int, str] = {}
    for place, label in enumerate(labels):
        value = whole(label, f"{show(path)}: semantic_labels[{place}]")
        name = names[value] if value < len(names) else None
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"{show(path)}: names[{value}] is {brief(name)}; expected the name of a material")
        found[value] = name.strip()
    others = frozenset(range(len(names))) - found.keys()
    return Values(found, frozenset({0, *others}) - found.keys(), where=path.name)
