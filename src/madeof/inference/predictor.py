"""The predictor: set a photo once, then ask for any number of its regions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import InputError, PhotoError, RegionError
from madeof.images.photo import Photo, read_photo
from madeof.inference.prediction import Prediction as Prediction
from madeof.inference.prediction import no_sets as no_sets
from madeof.inference.zoom import Seen, Sights, Window, Zoom, choose, windows_for
from madeof.inference.zoom_looks import Looks, inside, look_again, mix
from madeof.metrics.temperature import softmax
from madeof.model.hub import folder_of
from madeof.model.learned_head import read_learned
from madeof.model.onnx_engine import DEFAULT
from madeof.model.record import Record
from madeof.model.runtime import Features, Sessions
from madeof.model.zooming import ZoomRule
from madeof.regions.files import read_mask
from madeof.regions.options import DEFAULT as READ
from madeof.regions.options import ReadOptions
from madeof.regions.region import Region, check_region

_CELLS_AT_ONCE = 64 * 384 * 384  # of all masks of one call of the classifier; bounds its memory


@dataclass(frozen=True, eq=False)
class Encoded:
    """A photo that was encoded: all that `Predictor.predict` needs of it, so that a program can hold several."""

    photo: Photo
    features: Features = field(repr=False)
    """Of the one model that encoded it; no other can use them."""
    looks: Looks = field(default_factory=Looks, repr=False)
    """What was encoded of its windows, within a bound."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it holds now. They grow by what is kept of its windows, to a bound."""
        held = self.photo.pixels.nbytes + sum(array.nbytes for array in self.features) + self.looks.nbytes
        return held + len(self.photo.source or b"")


class Predictor:
    """A model that names materials.

    Args:
        folder: a model folder.
        threads: how many threads the model uses; 0 takes one for each core.
        engine: what runs the encoder: "onnxruntime", or with the extra `openvino` "openvino", "openvino-bf16" or
            "openvino-int8".
        zoom: how many windows of a photo it looks at again for regions that are small in the first look, for one
            question: "auto" (up to 128), "off", or a number. See `madeof.inference.zoom`.

    Raises:
        ModelError: the folder is not a whole model.
        InputError: `zoom` is something else.
        MissingExtraError: the engine is not installed.
    """

    zoom: Zoom = "auto"

    def __init__(self, folder: str | Path, *, threads: int = 0, engine: str = DEFAULT, zoom: Zoom = "auto") -> None:
        windows_for(zoom)  # which refuses what is none
        self.zoom = zoom
        self.folder = Path(folder)
        self.record = Record.read(folder)
        self.materials = self.record.materials
        self._learned = read_learned(Path(folder), self.record)
        self._sessions = Sessions(Path(folder), self.record, threads=threads, engine=engine)
        if self._learned is not None:
            self._sessions.check_embedding(self._learned.weight.shape[1])
        self._encoded: Encoded | None = None

    def set_image(self, image: Any, *, max_megapixels: float = 100.0, strict: bool = False) -> Photo:
        """Encode a photo; `predict` then speaks of this one.

        Args and errors are those of `encode`.

        Returns:
            the photo as it was read: its `size` with the EXIF rotation applied, and warnings. Of a large JPEG the
            `pixels` are no more than the model needs; `madeof.images.read_photo` reads them all.
        """
        self._encoded = None  # a photo that fails must not leave the last one in its place
        self._encoded = self.encode(image, max_megapixels=max_megapixels, strict=strict)
        return self._encoded.photo

    def read(self, image: Any, options: ReadOptions = READ) -> Photo:
        """Read a photo, with no more pixels than the model needs of a large JPEG; see `madeof.images.read_photo`."""
        least_size = self.record.preprocessing.least_size
        return read_photo(image, max_megapixels=options.max_megapixels, strict=options.strict, least_size=least_size)

    def encode(self, image: Any, *, max_megapixels: float = 100.0, strict: bool = False) -> Encoded:
        """Encode a photo, for `predict(masks, encoded=...)`. Several threads may do so at once.

        Args:
            image: a path, a file's bytes, a PIL image, a (H, W, 3) uint8 RGB array, or a `Photo`.
            max_megapixels: a larger photo is refused before it is decoded.
            strict: make damaged JPEG data an error instead of a warning in the result.

        Raises:
            PhotoError: it cannot be read, or is a `Photo` that was decoded too small for this model.
        """
        preprocessing = self.record.preprocessing
        if isinstance(image, Photo):
            photo = image
            least = preprocessing.least_size(*photo.size)
            if photo.reduced and (photo.pixels.shape[0] < least[0] or photo.pixels.shape[1] < least[1]):
                raise PhotoError(
                    f"{show(photo.name)} was decoded at {photo.pixels.shape[1]} x {photo.pixels.shape[0]}; expected at "
                    f"least {least[1]} x {least[0]} for this model: give its path, or read it without least_size"
                )
        else:
            photo = self.read(image, ReadOptions(max_megapixels, strict))
        return Encoded(photo, self._sessions.encode(preprocessing.image(photo.pixels, photo.size)))

    def scores(
        self,
        masks: Iterable[NDArray[Any] | Region] | NDArray[Any],
        *,
        encoded: Encoded | None = None,
        size: tuple[int, int] | None = None,
        zoom: Zoom | None = None,
    ) -> NDArray[np.float32]:
        """The calibrated probability of each material for each region.

        Args:
            masks: N masks of the photo's height and width, each (H, W): bool, or float coverage in [0, 1], or integers
                that are all 0 and 1 or all 0 and 255. Or `madeof.regions.Region`s, which hold no more of a mask than
                its box: boxes, polygons and the blobs of a label map cost least as these.
            encoded: the photo, where it is another than the one that `set_image` was given.
            size: (height, width) of the masks, where they are of a smaller copy of the photo.
            zoom: as for `Predictor`, for this question; None for the predictor's own.

        Returns:
            (N, C) float32; C materials in the order of `materials`. A row sums to 1, or to less where the model
            has an output for the background.

        Raises:
            RegionError: a mask is empty, of another size, or out of range.
            InputError: no photo was set.
        """
        encoded = self._photo(encoded)
        checked = self._checked(masks, encoded, size)
        return self._scores(checked, encoded, self._seen(checked, encoded, zoom))

    def predict(
        self,
        masks: Iterable[NDArray[Any] | Region] | NDArray[Any],
        *,
        encoded: Encoded | None = None,
        zoom: Zoom | None = None,
    ) -> list[Prediction]:
        """Name the material of each region of the photo that `set_image` or `encode` was given.

        Args and errors are those of `scores`.
        """
        encoded = self._photo(encoded)
        checked = self._checked(masks, encoded)
        height, width = encoded.photo.size
        sights = self._seen(checked, encoded, zoom)
        small_below = self._rule.small_below
        return [
            Prediction(
                self.materials,
                row,
                area=float(region.area),
                box=region.box,
                calibration=self.record.calibration.at(seen.area),
                share=float(region.area) / (height * width),
                seen=seen.area,
                notes=seen.notes(small_below),
            )
            for row, region, seen in zip(self._scores(checked, encoded, sights), checked, sights, strict=True)
        ]

    def describe(
        self,
        masks: Iterable[NDArray[Any] | Region] | NDArray[Any],
        *,
        encoded: Encoded | None = None,
        zoom: Zoom | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What the net itself says of each region, before anything that was learned. Args are those of `scores`.

        Of a region that was looked at twice they are the means of both looks, by which it is named too.

        Returns:
            its logits, (N, outputs), and the embedding from which they were made, (N, D), both float32.

        Raises:
            ModelError: the model gives no embedding: it was exported before there was one.
            RegionError, InputError: as in `scores`.
        """
        width = self._sessions.check_embedding()
        encoded = self._photo(encoded)
        checked = self._checked(masks, encoded)
        if not checked:
            return np.zeros((0, self.record.outputs), np.float32), np.zeros((0, width), np.float32)
        logits, embeddings = self._run(checked, encoded, self._seen(checked, encoded, zoom))
        assert embeddings is not None  # it has a width
        return logits, embeddings

    def window_of(self, region: Region, *, encoded: Encoded | None = None) -> tuple[Window | None, Sights]:
        """Where it looks again for a region, alone; None where it does not. And what it sees of the photo."""
        encoded = self._photo(encoded)
        return self._seen([region], encoded, None)[0].window, self._sights(encoded)

    def encode_window(self, encoded: Encoded, window: Window, pixels: NDArray[np.uint8]) -> None:
        """Encode a window of a photo from other pixels than the photo's, (h, w, 3) as the net takes them; keep it."""
        image = self.record.preprocessing.normalise(pixels[np.newaxis])
        encoded.looks.add(window, self._sessions.encode(image))

    def check_sets(self) -> None:
        """Find out whether its predictions have sets.

        Raises:
            ModelError: they have none.
        """
        if self.record.calibration.prediction_sets is None:
            raise no_sets(f"the model {show(self.record.name)}")

    def _photo(self, encoded: Encoded | None) -> Encoded:
        found = encoded or self._encoded
        if found is None:
            raise InputError("got masks but no photo: call set_image first")
        return found

    def _checked(
        self, masks: Iterable[NDArray[Any] | Region], encoded: Encoded, size: tuple[int, int] | None = None
    ) -> list[Region]:
        if isinstance(masks, np.ndarray) and masks.ndim == 2 and masks.size:
            raise RegionError(f"got one mask of shape {masks.shape}; expected a list of masks: give  [mask]")
        return [check_region(mask, size or encoded.photo.size, name=f"mask {i}") for i, mask in enumerate(masks)]

    @property
    def _rule(self) -> ZoomRule:
        return self.record.zoom or ZoomRule()

    def _sights(self, encoded: Encoded) -> Sights:
        return Sights(encoded.photo.size, self.record.preprocessing, self._rule)

    def _seen(self, checked: list[Region], encoded: Encoded, zoom: Zoom | None) -> list[Seen]:
        """How each of some regions is looked at."""
        return choose(checked, self._sights(encoded), self.zoom if zoom is None else zoom)

    def _scores(self, checked: list[Region], encoded: Encoded, seen: list[Seen]) -> NDArray[np.float32]:
        if not checked:
            return np.zeros((0, len(self.materials)), dtype=np.float32)
        logits, embeddings = self._run(checked, encoded, seen)
        if self._learned is not None:
            assert embeddings is not None  # which was checked when the model was loaded
            logits = self._learned.beside(logits, embeddings, self.record)
        return probabilities(logits, self.record, np.array([one.area for one in seen]))

    def _run(
        self, checked: list[Region], encoded: Encoded, seen: list[Seen]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """The net's logits and embeddings of some regions (at least one), each from both looks at it together."""
        photo, preprocessing, sights = encoded.photo, self.record.preprocessing, self._sights(encoded)
        logits, embeddings = self._describe(encoded.features, checked, photo.size)
        windows = {one.window for one in seen if one.window is not None}
        for window, features in look_again(photo, windows, sights, encoded.looks, preprocessing, self._sessions.encode):
            rows = [i for i, one in enumerate(seen) if one.window == window]
            weights = np.array([seen[i].weight for i in rows], dtype=np.float32)
            again = self._describe(features, [inside(checked[i], window, photo.size) for i in rows], sights.shape)
            mix(logits, rows, weights, again[0])
            if embeddings is not None and again[1] is not None:
                mix(embeddings, rows, weights, again[1])
        return logits, embeddings

    def _describe(
        self, features: Features, regions: list[Region], size: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """The net's logits and embeddings of some regions in one look, a bounded number at a time."""
        height, width = self.record.preprocessing.mask_size(*size)
        step = max(1, _CELLS_AT_ONCE // (height * width))
        found = [
            self._sessions.describe(features, self.record.preprocessing.masks(regions[i : i + step], size))
            for i in range(0, len(regions), step)
        ]
        embeddings = [embedding for _, embedding in found if embedding is not None]
        return np.concatenate([logits for logits, _ in found]), np.concatenate(embeddings) if embeddings else None


def probabilities(
    logits: NDArray[np.float32], record: Record, areas: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """Logits (N, outputs and learned ones) -> calibrated probabilities of the materials, (N, C).

    A softmax; the background's part is left out, and a material that has several columns has their sum. Where the
    calibration has size strata, `areas`, (N,) pixels of the network's input, choose each region's temperature.
    """
    scaled = logits.astype(np.float64)
    if record.columns is not None:
        used = [*record.used_outputs, *range(record.outputs, scaled.shape[1])]
        scaled[:, np.setdiff1d(np.arange(scaled.shape[1]), used)] = -np.inf
    values = softmax(scaled, record.calibration.temperatures(areas))
    if record.columns is not None:
        values = np.stack([values[:, list(columns)].sum(axis=1) for columns in record.columns], axis=1)
    elif record.background is not None:
        values = np.delete(values, record.background, axis=1)
    return values.astype(np.float32)


def load(model: str | Path | None = None, *, threads: int = 0, engine: str = DEFAULT, zoom: Zoom = "auto") -> Predictor:
    """Load a model.

    Args:
        model: a model folder, a name on the Hugging Face Hub such as "someone/stones" (extra `hub`), or None for the
            bundled model.
        threads: how many threads it uses; 0 takes one for each core.
        engine: what runs the encoder; see `Predictor`.
        zoom: whether it looks again at what is small in a large photo; see `Predictor`.

    Raises:
        ModelError: there is no such model, or it is not whole.
        InputError: there is no such engine, or this CPU cannot run it, or `zoom` is wrong.
        MissingExtraError: the engine is not installed.
    """
    return Predictor(folder_of(model), threads=threads, engine=engine, zoom=zoom)


def classify(image: Any, mask: Any, *, model: str | Path | None = None, zoom: Zoom = "auto") -> Prediction:
    """Name the material of one region of one photo: a one-shot `Predictor`.

    Args:
        image: a path, a file's bytes, a PIL image or a (H, W, 3) uint8 RGB array.
        mask: the path of a mask file, such a file's bytes, a PIL image, or an array (H, W) of the photo's size: bool,
            or float coverage in [0, 1], or integers that are all 0 and 1 or all 0 and 255.
        model: see `load`.
        zoom: see `load`.

    Raises:
        InputError: the photo (PhotoError) or the mask (RegionError) cannot be used.
        ModelError: there is no such model, or it is not whole.
    """
    predictor = load(model, zoom=zoom)
    photo = predictor.set_image(image)
    if not isinstance(mask, list | tuple) and not hasattr(mask, "__array__"):
        mask = read_mask(mask, photo.size, raw_size=photo.raw_size)
    return predictor.predict([mask])[0]
