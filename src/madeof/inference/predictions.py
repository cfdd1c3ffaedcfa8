"""The answers for several regions of one photo as one object: a sequence, arrays, a table, a picture."""

from __future__ import annotations

import html
import io
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from madeof._util.text import join_some, percent, pluralize, show, utf8
from madeof.errors import InputError, MissingExtraError
from madeof.images.photo import Photo
from madeof.inference.photo_result import head
from madeof.inference.prediction import Prediction
from madeof.inference.region_picture import draw_answers
from madeof.regions.region import Region

if TYPE_CHECKING:
    import pandas
    import supervision

_MOST_ROWS = 100  # of the table that notebooks show


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(Sequence[Prediction]):
    """Predictions for N regions of one photo, in the order of the request.

    It holds the photo and the regions for its pictures: `list(predictions)` lets go of both.
    """

    items: tuple[Prediction, ...]
    """The N answers."""
    materials: tuple[str, ...]
    """The model's C materials: the columns of `scores`."""
    regions: tuple[Region, ...] = field(repr=False)
    """The N regions, each cut out to its box."""
    photo: Photo = field(repr=False)
    """The photo, as `Predictor.set_image` returned it."""
    model: str = ""
    """Name and version."""

    @property
    def scores(self) -> NDArray[np.float32]:
        """The calibrated probability of each material for each region, (N, C) float32 in [0, 1]."""
        rows = [one.scores for one in self.items]
        return np.stack(rows) if rows else np.zeros((0, len(self.materials)), dtype=np.float32)

    @property
    def material(self) -> tuple[str, ...]:
        """The likeliest material of each region, (N,)."""
        return tuple(one.material for one in self.items)

    @property
    def score(self) -> NDArray[np.float32]:
        """The score of each region's likeliest material, (N,) float32 in [0, 1]."""
        return np.array([one.score for one in self.items], dtype=np.float32)

    @property
    def boxes(self) -> NDArray[np.int64]:
        """The box around each region, (N, 4) int64: x0, y0, x1, y1 in pixels, x1 and y1 one past its last pixel."""
        return np.array([one.box for one in self.items], dtype=np.int64).reshape(-1, 4)

    @property
    def areas(self) -> NDArray[np.float64]:
        """The area of each region, (N,) float64 in pixels."""
        return np.array([one.area for one in self.items], dtype=np.float64)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> Prediction: ...

    @overload
    def __getitem__(self, index: slice | ArrayLike) -> Predictions: ...

    def __getitem__(self, index: Any) -> Prediction | Predictions:
        """One answer, or those of a slice, of N bools, or of some positions."""
        if isinstance(index, int | np.integer):
            return self.items[index]
        if isinstance(index, slice):
            chosen = list(range(len(self)))[index]
        else:
            array = np.asarray(index)
            if array.dtype == np.bool_ and array.shape != (len(self),):
                raise IndexError(f"got {array.size} bools for {pluralize(len(self), 'answer')}; expected one for each")
            if array.ndim != 1 or (array.size and array.dtype.kind not in "biu"):
                raise IndexError("expected a position, a slice, a bool for each answer, or a list of positions")
            chosen = np.arange(len(self))[array if array.size else []].tolist() if len(self) else []
        return Predictions(
            tuple(self.items[i] for i in chosen),
            self.materials,
            tuple(self.regions[i] for i in chosen),
            self.photo,
            self.model,
        )

    def __repr__(self) -> str:
        named = join_some((f"{show(one.material)} {percent(one.score)}" for one in self.items), most=5)
        return f"Predictions({pluralize(len(self), 'region')}{': ' if named else ''}{named})"

    def to_dict(self, top: int = 5) -> dict[str, Any]:
        """The answers as plain values for JSON: the photo, the model, and `Prediction.to_dict` of each region.

        Args:
            top: how many of the likeliest materials there are of each.
        """
        rows = [
            {"region": utf8(region.name), **one.to_dict(top)}
            for region, one in zip(self.regions, self.items, strict=True)
        ]
        return {**head(self.photo, self.model), "regions": rows}

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a row for each region: its name, area, box, material, score, and whether that is uncertain.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtraError("A table of pandas", "pandas") from error
        boxes = self.boxes
        columns: dict[str, Any] = {"region": [show(region.name) for region in self.regions], "area": self.areas}
        columns |= {side: boxes[:, i] for i, side in enumerate(("x0", "y0", "x1", "y1"))}
        columns |= {"material": list(self.material), "score": self.score}
        known = [one.uncertain if one.calibration.uncertain_below is not None else None for one in self.items]
        columns["uncertain"] = pd.array(known, dtype="boolean")
        return pd.DataFrame(columns)

    def to_supervision(self, *, masks: bool = True) -> supervision.Detections:
        """As supervision's `Detections`: each region's box, mask, score, and material as its class.

        `class_id` is the material's position in `materials`, `data["class_name"]` its name. Soft masks are halved.

        Args:
            masks: put the masks in, (N, H, W) bool of the photo's size.

        Raises:
            MissingExtraError: supervision is not installed.
        """
        try:
            import supervision as sv
        except ImportError as error:
            raise MissingExtraError("Detections", "supervision") from error
        inside = np.zeros((len(self), *self.photo.size), dtype=np.bool_) if masks else None
        for number, region in enumerate(self.regions if inside is not None else ()):
            x0, y0, x1, y1 = region.box
            part = region.tight().cut
            inside[number, y0:y1, x0:x1] = part if part.dtype == np.bool_ else part >= 0.5  # type: ignore[index]
        return sv.Detections(
            xyxy=self.boxes.astype(np.float32),
            mask=inside,
            confidence=self.score,
            class_id=np.array([self.materials.index(name) for name in self.material], dtype=np.int64),
            data={"class_name": np.array(self.material, dtype=np.str_)},
        )

    def draw(self, *, max_side: int = 1024) -> Any:
        """The photo with the regions outlined and named, as an RGB PIL image.

        Args:
            max_side: a larger photo is shrunk to it, in pixels.

        Raises:
            InputError: there are no pixels of the photo: it was encoded elsewhere.
        """
        if not self.photo.pixels.size:
            raise InputError("the photo's pixels are not here; expected some: draw it with madeof.draw and the photo")
        return draw_answers(self.photo, self.regions, self.items, max_side=max_side)

    def _repr_png_(self) -> bytes | None:
        """The picture that notebooks show."""
        if not self.photo.pixels.size:
            return None
        stream = io.BytesIO()
        self.draw().save(stream, "PNG")
        return stream.getvalue()

    def _repr_html_(self) -> str:
        """The picture and a table for notebooks."""
        picture = self._repr_png_()
        image = "" if picture is None else f'<img src="data:image/png;base64,{b64encode(picture).decode("ascii")}">'
        rows = "".join(
            f"<tr><td>{number}</td><td>{html.escape(show(region.name))}</td>"
            f"<td>{html.escape(show(one.material))}{' (unsure)' if one.uncertain else ''}</td>"
            f"<td>{percent(one.score)}</td><td>{one.area:,.0f}</td></tr>"
            for number, (region, one) in enumerate(zip(self.regions[:_MOST_ROWS], self.items, strict=False))
        )
        more = f"<p>and {len(self) - _MOST_ROWS} more</p>" if len(self) > _MOST_ROWS else ""
        head = "".join(f"<th>{name}</th>" for name in ("", "region", "material", "score", "pixels"))
        return f"<div>{image}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}</div>"
