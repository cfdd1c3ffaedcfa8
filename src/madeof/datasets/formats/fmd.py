"""The Flickr Material Database: image/MATERIAL/NAME.jpg and, of the same name, mask/MATERIAL/NAME.jpg.

From Sharan, Rosenholtz and Adelson, "Material perception: what can you see in a brief glance?" (2009). The masks are
JPEGs, whose edges are grey: 128 and more is inside. The material is the folder's name.
"""

from __future__ import annotations

import re
from pathlib import Path

from madeof._util.text import show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation, Annotations
from madeof.datasets.formats.mask_files import MaskFile
from madeof.datasets.listing import pair_files
from madeof.datasets.problems import Problem
from madeof.errors import DatasetError


def matches(path: Path) -> bool:
    """Whether it is a folder with image/ and mask/ and a folder of the same name in both."""
    try:
        return any(folder.is_dir() and (path / "mask" / folder.name).is_dir() for folder in (path / "image").iterdir())
    except (OSError, ValueError):
        return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder.

    Args:
        path: the folder with image/ and mask/.
        images: the folder of photos, in place of image/.

    Raises:
        DatasetError: there is no such folder.
    """
    photos_folder, masks_folder = images or path / "image", path / "mask"
    for folder in (photos_folder, masks_folder):
        if not folder.is_dir():
            raise DatasetError(f"{show(folder)} is not a folder; expected image/MATERIAL/*.jpg and mask/MATERIAL/*.jpg")
    pairs, problems = pair_files(photos_folder, masks_folder)
    # They are the words of label maps.
    problems = [Problem(one.file, re.sub(r"no label map (.*)\.png", r"no \1.jpg", one.reason)) for one in problems]
    photos: list[AnnotatedPhoto] = []
    for photo, mask in pairs:
        material, slash, _ = photo.path.partition("/")
        if not slash:
            reason = f"{show(path.name)}: {show(photo.path)}: in no folder, which would name its material"
            problems.append(Problem(photo.path, reason))
            continue
        shape = MaskFile(masks_folder, mask, photos_folder / photo.path, jpeg=True)
        photos.append(AnnotatedPhoto(photo.path, (Annotation(material, shape, f"{masks_folder.name}/{mask.path}"),)))
    materials = sorted({annotation.material for photo in photos for annotation in photo.annotations})
    return Annotations(path, photos_folder, photos, tuple(materials), tuple(problems))
