"""A folder of masks named after their photos: NAME_wood.png, NAME-1-wood.png or NAME/wood.png for the photo NAME.jpg.

The rule. A mask is a PNG, TIFF or BMP whose path begins with the path of a photo without its suffix, and goes on with
"_", "-", "." or "/" (the longest photo that fits is meant). The rest is the material, with a number before or after it
where a photo has several regions of one: 1-wood, wood_2. In it "_" is a blank, and %2F and the like are what they are
in an URL, so that "Carpet / rug" can be written: NAME/1-Carpet %2F rug.png. A material that ends in a number needs one
before it too. Photos are in images/ (or photos/, JPEGImages/, data/) and masks in masks/ where there are such folders,
else both are in the folder itself. What is inside a mask is as in `read_mask`.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from madeof._util.files import make_folder, write_bytes
from madeof._util.text import show
from madeof.datasets.annotations import AnnotatedPhoto, Annotation, Annotations
from madeof.datasets.formats.copying import Copies
from madeof.datasets.formats.map_regions import first_folder
from madeof.datasets.formats.mask_files import MaskFile
from madeof.datasets.formats.values import is_material
from madeof.datasets.listing import File, list_files, stem
from madeof.datasets.problems import Problem
from madeof.datasets.writing import Answered
from madeof.errors import DatasetError
from madeof.images.photo import PHOTO_SUFFIXES
from madeof.materials.lists import key
from madeof.regions.files import ARRAY_SUFFIXES

_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", *ARRAY_SUFFIXES)
_PHOTOS = ("images", "photos", "JPEGImages", "data")
_BEFORE = re.compile(r"([0-9]+)(?:[-_. ]+(.*))?", re.DOTALL)
_AFTER = re.compile(r"(.*?)[-_. ]+[0-9]+", re.DOTALL)
_NO_MATERIAL = re.compile(
    r"(binary |instance |semantic )?(masks?|seg|segm|segmentation|labels?|gt|ground ?truth|annotations?|instance|"
    r"semantic|panoptic|matte|alpha|overlay|trimap|colou?r|parts)|jpe?g|png|tiff?|bmp|webp|gif|npy|npz|"
    r"m0[0-9a-z]{2,6}( [0-9a-f]{8})?",
    re.IGNORECASE,
)
_LOOKED_AT = 2000  # files, to tell the format


def matches(path: Path) -> bool:
    """Whether it is a folder with a photo and a mask named after it."""
    with contextlib.suppress(OSError, ValueError, DatasetError):
        if path.is_dir():
            photos, masks = _folders(path, None)
            some = _outside(photos, masks, _some(masks, _SUFFIXES))
            found = _sorted_out(_some(photos, PHOTO_SUFFIXES), some, same=photos == masks)
            rests = [material_of(rest) for _, regions in found[0] for _, rest in regions]
            return bool(found[2]) or any(rest and not _is_no_material(rest) for rest in rests)
    return False


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder. A mask of no photo, or of no material, is a problem.

    Args:
        path: the folder of masks, or that with images/ and masks/.
        images: the folder of photos.

    Raises:
        DatasetError: there is no such folder.
    """
    if not path.is_dir():
        raise DatasetError(f"{show(path)} is not a folder; expected one of photos and of masks named after them")
    photo_folder, mask_folder = _folders(path, images)
    photos, problems = list_files(photo_folder, PHOTO_SUFFIXES)
    masks, more = list_files(mask_folder, _SUFFIXES)
    same = photo_folder == mask_folder
    problems += [] if same else more
    found, strangers, twins = _sorted_out(photos, _outside(photo_folder, mask_folder, masks), same=same)
    for photos in twins:
        names = ", ".join(show(photo.path) for photo in photos)
        problems.append(Problem(photos[0].path, f"{names} share a name, and with it their masks: keep one"))
    for mask in strangers:
        reason = f"{show(path.name)}: {show(mask.path)}: named after no photo in {show(photo_folder)}"
        problems.append(Problem(mask.path, f"{reason}; expected NAME_material.png for a photo NAME.jpg"))
    annotated = []
    spelled: dict[str, str] = {}
    for photo, regions in found:
        annotations = []
        for mask, rest in regions:
            material = material_of(rest)
            if not material or _is_no_material(material):
                what = f"{show(material)!r}, which is no material," if material else "no material"
                reason = f"{show(path.name)}: {show(mask.path)}: {what} after the name of its photo"
                problems.append(Problem(mask.path, reason))
                continue
            spelled.setdefault(key(material), material)
            shape = MaskFile(mask_folder, mask, photo_folder / photo.path)
            annotations.append(Annotation(material, shape, mask.path))
        annotated.append(AnnotatedPhoto(photo.path, tuple(annotations)))
    materials = tuple(spelled[one] for one in sorted(spelled))
    return Annotations(path, photo_folder, annotated, materials, tuple(problems))


def material_of(rest: str) -> str:
    """The material in a mask's name without its photo's: see the rule. "" where there is none.

    >>> material_of("1-Carpet %2F rug"), material_of("brick_wall_2"), material_of("3")
    ('Carpet / rug', 'brick wall', '')
    """
    if match := _BEFORE.fullmatch(rest):
        rest = match.group(2) or ""
    elif match := _AFTER.fullmatch(rest):
        rest = match.group(1)
    plain = rest.replace("_", " ")
    with contextlib.suppress(UnicodeDecodeError):  # of %FF and the like nothing is made
        plain = unquote(plain, errors="surrogatepass")
    return " ".join(plain.split())


def _is_no_material(material: str) -> bool:
    """Whether it is a word for masks, the ending of a file, or a code of Open Images."""
    return not is_material(material) or _NO_MATERIAL.fullmatch(material) is not None


def write(photos: Iterable[Answered], out: Path, materials: Sequence[str] = ()) -> list[Path]:
    """Write images/NAME.jpg, a copy of each photo, and masks/NAME/1-MATERIAL.png, a 1-bit PNG of each region.

    There is no list of `materials` in this format.

    Raises:
        WriteError: a photo cannot be copied, or a file not written.
    """
    from PIL import Image

    copies = Copies(out / "images")
    written: list[Path] = []
    for photo in photos:
        name = copies.copy(photo)
        folder = make_folder(out / "masks" / name)
        for number, region in enumerate(photo.regions, start=1):
            picture = Image.new("1", (photo.size[1], photo.size[0]))
            picture.paste(Image.fromarray(region.cut), region.corner)
            file = io.BytesIO()
            picture.save(file, "PNG")
            path = folder / f"{number}-{_quoted(region.material)}.png"
            write_bytes(path, file.getvalue())
            written.append(path)
    return [*copies.written, *written]


def _quoted(material: str) -> str:
    """A material as a part of a file's name, which `material_of` reads back."""
    plain = " ".join(material.split())
    first = _escaped("-") if plain.startswith("-") else ""  # which would go with the number before it
    return first + "".join(one if one.isalnum() or one in " -,()&'+" else _escaped(one) for one in plain[bool(first) :])


def _escaped(character: str) -> str:
    """As in an URL; so are those that an URL keeps but that mean something in our names."""
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _folders(path: Path, images: Path | None) -> tuple[Path, Path]:
    """The folders of photos and of masks."""
    masks = path / "masks" if (path / "masks").is_dir() else path
    return images or first_folder(path, _PHOTOS) or path, masks


def _outside(photos: Path, masks: Path, files: list[File]) -> list[File]:
    """The files of the folder of masks that are not in the folder of photos, where that is in it."""
    if photos.parent != masks:
        return files
    return [file for file in files if not file.path.startswith(f"{photos.name}/")]


def _some(folder: Path, suffixes: tuple[str, ...]) -> list[File]:
    """Some files of a folder and of those in it."""
    found = []
    for number, file in enumerate(folder.rglob("*")):
        if number >= _LOOKED_AT:
            break
        if file.suffix.lower() in suffixes and not file.name.startswith("."):
            found.append(File(file.relative_to(folder).as_posix(), 0, 0))
    return sorted(found)


def _sorted_out(
    photos: Iterable[File], masks: Iterable[File], *, same: bool
) -> tuple[list[tuple[File, list[tuple[File, str]]]], list[File], list[list[File]]]:
    """Each photo with its masks and what their names say besides, the masks of no photo, and photos of one name.

    Args:
        photos: pictures, of which those that are masks are no photos.
        masks: pictures, of which those that are no masks are photos, if `same`.
        same: whether both are of one folder.
    """
    photos = list(photos)
    by_stem: dict[str, list[File]] = {}
    for photo in photos:
        by_stem.setdefault(stem(photo.path), []).append(photo)
    owners: dict[str, tuple[str, str]] = {}
    strangers = []
    for mask in masks:
        name = stem(mask.path)
        owner = _owner(name, by_stem)
        while same and owner and all(one.path in owners for one in by_stem[owner]):  # itself a mask
            owner = _owner(owner, by_stem)
        # In one folder 1_2.png beside 1.png is a photo rather than a mask of no material.
        if owner is None or (same and not material_of(name[len(owner) + 1 :])):
            if not same:
                strangers.append(mask)
            continue
        owners[mask.path] = owner, name[len(owner) + 1 :]
    regions: dict[str, list[tuple[File, str]]] = {}
    for mask in masks:
        if mask.path in owners:
            owner, rest = owners[mask.path]
            regions.setdefault(owner, []).append((mask, rest))
    kept = [photo for photo in photos if not (same and photo.path in owners)]
    names = Counter(stem(photo.path) for photo in kept)
    twins = [by_stem[owner] for owner in regions if names[owner] > 1]
    found = [(photo, regions.get(stem(photo.path), [])) for photo in kept if names[stem(photo.path)] == 1]
    return found, strangers, twins


def _owner(name: str, stems: Mapping[str, object]) -> str | None:
    """The longest stem that `name` goes on from."""
    for end in range(len(name) - 1, 0, -1):
        if name[end] in "_-./" and name[:end] in stems:
            return name[:end]
    return None
