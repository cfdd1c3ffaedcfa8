"""A client of `madeof serve` with the methods of `Predictor`. It needs no more than Python's own HTTP."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show, utf8
from madeof.errors import InputError, ModelError, PhotoError, RegionError, ServiceError
from madeof.images.decode import open_image
from madeof.images.photo import ImageLike, Photo, read_photo
from madeof.inference.prediction import Prediction
from madeof.inference.predictions import Predictions
from madeof.model.calibration import Calibration
from madeof.regions.asked import asked_regions
from madeof.regions.mask_like import BoxesLike, LabelMapLike, MaskLike
from madeof.regions.region import Region
from madeof.regions.rle import compress, encode_rle
from madeof.serve.http import Connection, Part, UnknownImageError, form

_LONGEST_NAME = 200  # characters of a region's, as the service has it
_NO_PIXELS: NDArray[np.uint8] = np.zeros((0, 0, 3), dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class RemoteImage:
    """A photo that a service has encoded."""

    photo: Photo
    """Its `pixels` are with the service: here it has none."""
    id: str
    """The service's name for it."""
    data: bytes = dataclasses.field(repr=False)
    """The photo's file, to be sent again where the service has forgotten it."""


class Client:
    """A service's model, used as a `Predictor`: the same methods and errors, and `ServiceError`.

    Args:
        url: where it listens, such as "http://127.0.0.1:8000".
        token: its token, if it asks for one.
        timeout: seconds to wait for an answer. A service that is busy is asked again until they are over.

    Raises:
        ServiceError: no service answers there, or it refuses.
    """

    def __init__(self, url: str, token: str | None = None, *, timeout: float = 60.0) -> None:
        self._connection = Connection(url, token, timeout)
        try:
            told = self._connection.get("/v1/model")
            self.model: str = told["model"]
            self.materials: tuple[str, ...] = tuple(told["materials"])
            self._calibration = Calibration.from_json(told)
            limits = told["limits"]
            self._most_regions, self._most_json = int(limits["regions"]), int(limits["json_bytes"])
            self._most_body, self._megapixels = int(limits["body_bytes"]), float(limits["megapixels"])
        except (KeyError, TypeError, ValueError, ModelError, ServiceError) as error:
            self.close()
            if isinstance(error, ServiceError):
                raise
            raise ServiceError(f"{show(url)} answers, but not as madeof serve does: check the address") from error
        self._encoded: RemoteImage | None = None

    def set_image(self, image: ImageLike) -> Photo:
        """Upload a photo and make it the current one.

        Args and errors are those of `encode`.

        Returns:
            the photo as the service read it: its `size` with the EXIF rotation applied, and warnings, but no `pixels`.
        """
        self._encoded = None  # a photo that fails must not leave the last one in its place
        self._encoded = self.encode(image)
        return self._encoded.photo

    def encode(self, image: ImageLike) -> RemoteImage:
        """Have a photo encoded, for `predict(masks, encoded=...)`.

        Args:
            image: a path, a file's bytes, a PIL image, or a (H, W, 3) uint8 RGB array.

        Raises:
            PhotoError: it cannot be read.
            ServiceError: the service does not answer.
        """
        return self._send(self._file(image))

    def scores(self, masks: MaskLike, *, encoded: RemoteImage | None = None) -> NDArray[np.float32]:
        """The calibrated probability of each material for each region, (N, C) float32; see `Predictor.scores`.

        Scores come with six digits.

        Raises:
            RegionError: a mask is empty, of another size, or out of range.
            InputError: no photo was set.
            ServiceError: the service does not answer.
        """
        return self.predict(masks, encoded=encoded).scores

    def predict(
        self,
        masks: MaskLike | None = None,
        *,
        boxes: BoxesLike | None = None,
        polygons: BoxesLike | None = None,
        label_map: LabelMapLike | None = None,
        encoded: RemoteImage | None = None,
        background: int = 0,
        soft: bool = False,
        logits_above: float | None = None,
        skip_empty: bool = False,
    ) -> Predictions:
        """Name the material of each region of the photo that `set_image` or `encode` was given.

        Args are those of `Predictor.predict`, errors those of `scores`. The answers have no picture: the photo's pixels
        are the service's.
        """
        image = encoded or self._encoded
        if image is None:
            raise InputError("got masks but no photo: call set_image first")
        regions = asked_regions(
            image.photo.size, masks, boxes, polygons, label_map, background=background, soft=soft,
            logits_above=logits_above, skip_empty=skip_empty, raw_size=image.photo.raw_size,
        )  # fmt: skip
        predictions: list[Prediction] = []
        for parts in self._requests(regions):
            try:
                told = self._ask(image, parts)
            except UnknownImageError:
                image = self._send(image)
                if encoded is None:
                    self._encoded = image
                told = self._ask(image, parts)
            predictions += [self._prediction(answer, image.photo.size) for answer in told]
        return Predictions(tuple(predictions), self.materials, tuple(regions), image.photo, self.model)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _file(self, image: Any) -> RemoteImage:
        """A photo that is given in any form, as a file that was not sent yet."""
        if isinstance(image, str | Path | bytes):
            with open_image(image, PhotoError, max_megapixels=self._megapixels) as opened:
                return RemoteImage(Photo(_NO_PIXELS, opened.name, opened.raw_size), "", opened.data())
        photo = read_photo(image, max_megapixels=self._megapixels)
        return RemoteImage(dataclasses.replace(photo, pixels=_NO_PIXELS), "", _png(photo.pixels))

    def _send(self, image: RemoteImage) -> RemoteImage:
        told = self._connection.post("/v1/images", *form([Part("photo", Path(image.photo.name).name, image.data)]))
        photo = dataclasses.replace(
            image.photo,
            warnings=tuple(dict.fromkeys((*image.photo.warnings, *told.get("warnings", ())))),
            damaged=bool(told.get("damaged", False)),
            full_size=(int(told["height"]), int(told["width"])),
        )
        return dataclasses.replace(image, photo=photo, id=str(told["id"]))

    def _requests(self, regions: Iterable[Region]) -> Iterator[list[Part]]:
        """Parts of forms, each form within the service's limits and in the regions' order."""
        parts: list[Part] = []
        runs: list[str] = []
        size = 0
        for region in regions:
            soft = region.cut.dtype != np.bool_
            data = _tiff(region) if soft else _json(region).encode()
            # In a form, masks come before run lengths: so what is hard ends a form for what is soft.
            full = size + len(data) > (self._most_body if soft else self._most_json) * 0.9
            if (parts or runs) and (full or len(parts) + len(runs) >= self._most_regions or (soft and runs)):
                yield [*parts, *_together(runs)]
                parts, runs, size = [], [], 0
            size += len(data)
            if soft:
                parts.append(Part("mask", region.name, data))
            else:
                runs.append(data.decode())
        if parts or runs:
            yield [*parts, *_together(runs)]

    def _ask(self, image: RemoteImage, parts: list[Part]) -> list[dict[str, Any]]:
        told = self._connection.post(f"/v1/images/{image.id}/regions?top={len(self.materials)}", *form(parts))
        answers: list[dict[str, Any]] = told["regions"]
        for answer in answers:
            if "error" in answer:
                raise RegionError(f"{show(answer['region'])}: {show(answer['error'])}")
        return answers

    def _prediction(self, answer: dict[str, Any], size: tuple[int, int]) -> Prediction:
        known = {each["material"]: each["score"] for each in answer["top"]}
        scores = np.array([known[name] for name in self.materials], dtype=np.float32)
        x0, y0, x1, y1 = answer["box"]
        calibration = self._calibration
        if "uncertain_below" in answer:  # that of the region's size
            calibration = dataclasses.replace(calibration, uncertain_below=answer["uncertain_below"])
        area = answer["area"]
        return Prediction(self.materials, scores, area, (x0, y0, x1, y1), calibration, area / (size[0] * size[1]))


def _together(runs: list[str]) -> list[Part]:
    return [Part("regions", "regions.json", f'{{"regions": [{",".join(runs)}]}}'.encode())] if runs else []


def _json(region: Region) -> str:
    counts = compress(encode_rle(np.asarray(region.cut, dtype=np.bool_), region.corner, region.size)).decode("ascii")
    return json.dumps(
        {
            "rle": {"size": list(region.size), "counts": counts},
            "name": utf8(region.name[:_LONGEST_NAME])[:_LONGEST_NAME],
        }
    )


def _png(pixels: NDArray[Any]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _tiff(region: Region) -> bytes:
    """A mask of coverage, exactly: a float TIFF."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(region.mask).save(file, "TIFF", compression="tiff_adobe_deflate")
    return file.getvalue()
