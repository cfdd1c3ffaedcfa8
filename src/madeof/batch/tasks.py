"""Tasks of a batch: one photo and its requested regions, as plain values that can be pickled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from madeof.datasets.annotations import Annotation
from madeof.inference.zoom import Zoom, windows_for
from madeof.regions.options import ReadOptions
from madeof.regions.request import RegionRequest

Form = Literal["parquet", "jsonl"]
FORMS: tuple[Form, ...] = ("parquet", "jsonl")


@dataclass(frozen=True)
class Task:
    """One photo with its regions."""

    image: str
    """Its name in the rows."""
    photo: str | bytes = field(default="", repr=False)
    """A local path or an URL; or a file's bytes."""
    asked: Sequence[RegionRequest | Annotation] = ()
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
        asked = self.asked if isinstance(self.asked, list | tuple) else ()
        return held + sum(one.nbytes for one in asked if isinstance(one, RegionRequest))


@dataclass(frozen=True)
class Options:
    """Options of a batch that change its answers."""

    to: Form = "parquet"
    """Rows of a table, one for each region; or "jsonl", an object for each photo."""
    top: int = 5
    """Number of materials with scores per row."""
    coverage: float | None = None
    """Coverage of the prediction set in each row; None for no set."""
    min_area: int = 1
    """Components of label maps and annotated regions of fewer pixels are left out."""
    resize_masks: bool = False
    jpeg_masks: bool = False
    soft_masks: bool = False
    max_megapixels: float = 100.0
    strict: bool = False
    engine: str = "onnxruntime"
    zoom: Zoom = "auto"
    """How many windows of a photo are looked at again; see `madeof.inference.zoom`."""

    def __post_init__(self) -> None:
        windows_for(self.zoom)  # which refuses what is none

    @property
    def reading(self) -> ReadOptions:
        """How photos and masks are read."""
        return ReadOptions(
            self.max_megapixels, self.strict, self.resize_masks, self.jpeg_masks, self.min_area, self.soft_masks
        )


Row = dict[str, Any]
"""A row of the result; see `Options.to`."""


@dataclass
class Answered:
    """Outcome of a task."""

    rows: list[Row]
    regions: int
    """Regions that have an answer."""
    errors: int
    """Regions and photos that have none."""
    unreachable: str = ""
    """Error of an unreachable store; the rows have it too."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by kind: "decode", "regions", "encode", "classify"."""
