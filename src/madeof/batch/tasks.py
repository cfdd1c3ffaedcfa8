"""What a batch is made of: one photo with the regions that are asked for: plain values that other processes take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from madeof.datasets.annotations import Annotation

Form = Literal["parquet", "jsonl"]
FORMS: tuple[Form, ...] = ("parquet", "jsonl")

File = str | bytes
"""A local path or an URL; or a file's bytes."""


class MaskFile(NamedTuple):
    """A region that is a mask file."""

    name: str
    file: File
    truth: str = ""
    """The material that the source names."""


class LabelMapFile(NamedTuple):
    """The regions of a label map: each blob of one value."""

    files: tuple[File, ...]
    """The first of them that is there."""
    prefix: str = ""
    """What comes before the names of its regions, where a photo has several label maps."""


class Broken(NamedTuple):
    """A region of which the source says so little, or such nonsense, that it has no pixels."""

    name: str
    error: str


Asked = MaskFile | LabelMapFile | Annotation | Broken
"""A region, or the regions of a label map, as a source has it."""


@dataclass(frozen=True)
class Task:
    """One photo with its regions."""

    image: str
    """Its name in the rows."""
    photo: File = field(default="", repr=False)
    asked: Sequence[Asked] = ()
    """Its regions; the whole photo where there are none and `whole`. May be read only when it is walked through."""
    whole: bool = True
    stated_size: tuple[int, int] | None = None
    """(height, width) that the source states: another size of the photo itself is an error."""
    error: str = ""
    """Why the source cannot give this photo, where it cannot: that is its answer then."""

    @property
    def nbytes(self) -> int:
        """Bytes of files that it holds."""
        held = len(self.photo) if isinstance(self.photo, bytes) else 0
        if isinstance(self.asked, list | tuple):
            for one in self.asked:
                files = (one.file,) if isinstance(one, MaskFile) else one.files if isinstance(one, LabelMapFile) else ()
                held += sum(len(file) for file in files if isinstance(file, bytes))
        return held


@dataclass(frozen=True)
class Options:
    """What decides the answers of a batch besides the model."""

    to: Form = "parquet"
    """Rows of a table, one for each region; or "jsonl", an object for each photo."""
    top: int = 5
    """How many materials with their scores a row holds."""
    coverage: float | None = None
    """Of the set of materials that a row holds; None for no set."""
    min_area: int = 1
    """Blobs of label maps and annotated regions of fewer pixels are left out."""
    resize_masks: bool = False
    jpeg_masks: bool = False
    max_megapixels: float = 100.0
    strict: bool = False
    engine: str = "onnxruntime"


Row = dict[str, Any]
"""A row of the result; see `Options.to`."""


@dataclass
class Answered:
    """What came of a task."""

    rows: list[Row]
    regions: int
    """Regions that have an answer."""
    errors: int
    """Regions and photos that have none."""
    unreachable: str = ""
    """What a store that could not be reached said; the rows say it too."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Where the time went: "decode", "regions", "encode", "classify"."""
