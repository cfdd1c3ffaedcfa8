"""Label Studio's brush export: a PNG or NumPy file for each brushed region, in a folder.

`label_studio_sdk/converter/brush.py` calls them task-1-annotation-3-by-2-tag-Wood-0.png: of the task, the annotation,
who made it, the name of the labels, the label and a number. They hold how much a pixel is covered, 0 to 255. Which
photo a task is, only the JSON export says, which has to lie in the folder too, full or JSON-MIN. Of a task's
annotations the one with the highest number counts.
"""

from __future__ import annotations

import re
from pathlib import Path

from madeof._util.text import show
from madeof.datasets.annotations import Annotations
from madeof.datasets.formats import label_studio
from madeof.datasets.formats.gathering import Gathering, Piece, some_files
from madeof.datasets.formats.mask_files import MaskFile
from madeof.datasets.formats.parsing import read_json
from madeof.datasets.listing import File, list_files
from madeof.errors import DatasetError

_NAME = re.compile(r"task-(\d+)-annotation-(\d+)-by-[^-]*-[^-]+-(.+)-\d+\.(png|npy)")
_SUFFIXES = (".png", ".npy")


def matches(path: Path) -> bool:
    """Whether it is a folder with a file that is so called."""
    files = (file for suffix in _SUFFIXES for file in some_files(path, suffix))
    return path.is_dir() and any(_NAME.fullmatch(file.name) for file in files)


def read(path: Path, images: Path | None = None) -> Annotations:
    """Read the folder; see `formats.Reader`.

    Raises:
        DatasetError: no JSON export in it says which photo a task is.
    """
    files, problems = list_files(path, _SUFFIXES)
    gathering = Gathering(path)
    gathering.problems += problems
    photos = _photos(path)
    found: dict[str, dict[int, list[tuple[str, File]]]] = {}
    for file in files:
        match = _NAME.fullmatch(file.path.rpartition("/")[2])
        if match:
            of_task = found.setdefault(match.group(1), {})
            of_task.setdefault(int(match.group(2)), []).append((match.group(3), file))
    for task, answers in found.items():
        if task not in photos:
            gathering.broken(f"task {task}", "no JSON export of Label Studio in the folder says which photo it is")
            continue
        gathering.left_out["older annotations of a task"] += len(answers) - 1
        masks = [
            Piece(material, MaskFile(path, file, Path(photos[task][0]), alpha=True), file.path)
            for material, file in answers[max(answers)]
        ]
        gathering.photo(photos[task], masks)
    return gathering.annotations(images)


def _photos(path: Path) -> dict[str, list[str]]:
    """The paths by which the photo of each task is looked for, by the task's number."""
    found: dict[str, list[str]] = {}
    exports = [path / file.path for file in list_files(path, [".json"])[0]]
    for file in filter(label_studio.matches, exports):
        content = read_json(file)
        for task in content if isinstance(content, list) else ():
            data = task.get("data", task) if isinstance(task, dict) else None
            if isinstance(data, dict) and "id" in task:
                found[str(task["id"])] = label_studio.photo_names(data)
    if not found:
        raise DatasetError(
            f"{show(path)}: the names of Label Studio's brush files have a task's number and no photo; put the JSON "
            "export of the same tasks into the folder"
        )
    return found
