"""Requests and responses as pydantic models, which validate requests and document responses."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, FailFast, Field, Tag

_KINDS = ("box", "polygon", "rle")
Number = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=200, description="given back as `region`")]
Run = Annotated[int, Field(ge=0, le=2**53)]
Score = Annotated[float, Field(ge=0, le=1, description="calibrated probability")]


TightBox = Annotated[
    list[int],
    Field(
        min_length=4,
        max_length=4,
        description="x0, y0, x1, y1 around it; x1 and y1 one past its last pixel",
        examples=[[10, 20, 110, 220]],
    ),
]


class _First(FailFast):
    """The first fault is enough: a body of nothing else would become a report of gigabytes."""

    __hash__ = object.__hash__  # a union of types needs it


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BoxRegion(_Asked):
    """A box."""

    box: tuple[Number, Number, Number, Number] = Field(
        description="x0, y0, x1, y1 in pixels", examples=[[10, 20, 110, 220]]
    )
    name: Name | None = None


class PolygonRegion(_Asked):
    """A polygon: even-odd rule, the last point joins the first."""

    polygon: Annotated[list[tuple[Number, Number]], _First()] = Field(
        min_length=3, description="x, y in pixels", examples=[[[10, 20], [110, 20], [60, 220]]]
    )
    name: Name | None = None


class RunLengths(_Asked):
    """COCO's run-length encoding: the lengths of runs down the columns, 0s first."""

    size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
        description="the photo's height and width", examples=[[4, 3]]
    )
    counts: Annotated[str, Field(min_length=1)] | Annotated[list[Run], _First()] = Field(
        description="the lengths, or COCO's text of them", examples=[[1, 2, 9]]
    )


class RleRegion(_Asked):
    """A mask as COCO's run lengths."""

    rle: RunLengths
    name: Name | None = None


def _kind(value: Any) -> str | None:
    """Discriminator of the kind of region, so that pydantic reports errors of that kind only."""
    if isinstance(value, dict):
        return next((kind for kind in _KINDS if kind in value), None)
    return next((kind for kind in _KINDS if hasattr(value, kind)), None)


AskedRegion = Annotated[
    Annotated[BoxRegion, Tag("box")] | Annotated[PolygonRegion, Tag("polygon")] | Annotated[RleRegion, Tag("rle")],
    Discriminator(
        _kind,
        custom_error_type="kind",
        custom_error_message="expected an object with box, polygon or rle",
    ),
]


class AskedRegions(_Asked):
    """Regions of a photo, in pixels of the photo as it is shown: x runs right and y down from its upper left corner."""

    regions: Annotated[list[AskedRegion], _First()] = Field(
        examples=[[{"box": [10, 20, 110, 220]}, {"polygon": [[10, 20], [110, 20], [60, 220]], "name": "cup"}]]
    )


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MaterialScore(_Told):
    """A material and its score."""

    material: str
    score: Score


class MaterialSet(_Told):
    """The materials that hold the true one at a coverage."""

    coverage: float = Field(ge=0.5, le=0.99)
    materials: list[str] = Field(min_length=1, description="the likeliest first")


class RegionAnswer(_Told):
    """Prediction for one region."""

    region: str = Field(
        description="its name: the mask's file name, or `mask 0`, `box 0`, `polygon 0`, `rle 0`, `photo`"
    )
    area: float = Field(ge=0, description="pixels; the sum of the coverage of a soft mask")
    box: TightBox
    material: str
    score: Score
    top: list[MaterialScore]
    uncertain: bool = Field(
        default=False, description="whether the score is under the model's own threshold, if it has one"
    )
    answer: str | None = Field(
        default=None,
        description="what can be relied on: the material, or null where it is uncertain; only where the model has a "
        "threshold",
    )
    uncertain_below: float | None = Field(
        default=None, description="the threshold of regions of this size, where the model's depends on the size"
    )
    set: MaterialSet | None = Field(default=None, description="only where a coverage was asked for")
    notes: list[str] = Field(default=[], description="what to know about the region, such as that it is small")


class RegionError(_Told):
    """Why a region has no answer."""

    region: str
    error: str


class PhotoAnswer(_Told):
    """The answers for the regions of a photo: the object that `madeof predict --json` prints."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "image": "photo.jpg",
                "model": "everyday 2",
                "width": 600,
                "height": 400,
                "regions": [
                    {
                        "region": "box 0",
                        "area": 20000,
                        "box": [10, 20, 110, 220],
                        "material": "Wood",
                        "score": 0.93,
                        "top": [{"material": "Wood", "score": 0.93}, {"material": "Paper", "score": 0.04}],
                        "uncertain": False,
                        "answer": "Wood",
                    },
                    {
                        "region": "box 1",
                        "error": "the box 900, 0, 950, 10 lies outside the photo of 600 x 400: check its pixels",
                    },
                ],
            }
        },
    )

    image: str
    model: str = Field(description="its name and version")
    width: int
    height: int
    warnings: list[str] = Field(default=[], description="what to know about how the photo was read")
    damaged: bool = Field(default=False, description="the photo's data are damaged, but all of it could be decoded")
    regions: list[RegionAnswer | RegionError]


class Image(_Told):
    """A photo that was encoded and is kept for a while."""

    id: str = Field(examples=["wNcGZ0w1oTVzGkUn2qDq1g"])
    width: int = Field(examples=[600])
    height: int = Field(examples=[400])
    expires: datetime = Field(
        description="when it goes unless it is used again; sooner where memory is wanted",
        examples=["2026-01-01T12:00:00Z"],
    )
    warnings: list[str] = Field(default=[], description="what to know about how the photo was read")
    damaged: bool = Field(default=False, description="the photo's data are damaged, but all of it could be decoded")


class Materials(_Told):
    """The materials that the model knows."""

    materials: list[str] = Field(examples=[["Brick", "Wood"]])


class Limits(_Told):
    """Limits of a request."""

    body_bytes: int = Field(examples=[64_000_000])
    json_bytes: int = Field(examples=[4_000_000])
    megapixels: float = Field(examples=[100])
    regions: int = Field(examples=[1000])
    region_megapixels: float = Field(description="of all regions together", examples=[2000])
    points: int = Field(description="of a polygon", examples=[10_000])
    seconds: float = Field(description="until it is answered, once it is there", examples=[30])
    image_seconds: float = Field(description="that an image is kept unused", examples=[600])


class SetBand(_Told):
    """Thresholds of prediction sets in one stratum of region sizes."""

    under: float | None = Field(description="the band's end, as a share of the photo's area; null in the last one")
    regions: int = Field(description="on how many it was measured")
    least: list[float | None] = Field(
        description="the lowest score in a set of the coverages 0.50, 0.51 ... 0.99; null where all materials are in it"
    )


class Stratum(_Told):
    """The temperature and threshold of regions of one range of sizes; null where they are the model's."""

    under: float | None = Field(description="its end, in pixels of the network's input; null in the last one")
    regions: int = Field(description="on how many it was measured")
    temperature: float | None
    uncertain_below: float | None


class Model(_Told):
    """The model that answers."""

    name: str = Field(examples=["everyday"])
    version: str = Field(examples=["2"])
    model: str = Field(description="both, as in the answers", examples=["everyday 2"])
    materials: list[str] = Field(examples=[["Brick", "Wood"]])
    uncertain_below: float | None = Field(description="answers with a lower score are uncertain", examples=[0.5])
    sets: list[SetBand] | None = Field(
        description="what sets of any coverage are made from, for each band of sizes", examples=[None]
    )
    temperature: float = Field(description="by which logits are divided", examples=[1.0])
    by_size: list[Stratum] = Field(
        default=[], description="temperature and threshold by the region's size, where they depend on it"
    )
    select: str = Field(description="what finds the region around a click", examples=["superpixels"])
    limits: Limits


class Status(_Told):
    """State of the service."""

    status: Literal["ok", "ready"]


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:madeof:problem:photo",
                "title": "The photo cannot be used",
                "status": 422,
                "detail": "photo is an empty file; expected JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = Field(default=[], description="each about one part of the request")
