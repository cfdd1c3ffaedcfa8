"""The predictor: set a photo once, then ask for any number of its regions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import InputError, PhotoError
from madeof.images.photo import ImageLike, Photo, read_photo
from madeof.inference.prediction import Prediction as Prediction
from madeof.inference.prediction import no_sets as no_sets
from madeof.inference.predictions import Predictions
from madeof.inference.pretrained import Pretrained
from madeof.inference.zoom import Seen, Sights, Window, Zoom, choose, windows_for
from madeof.inference.zoom_looks import Looks, inside, look_again, mix
from madeof.metrics.temperature import softmax
from madeof.model.learned_head import read_learned
from madeof.model.onnx_engine import DEFAULT
from madeof.model.record import Record
from madeof.model.runtime import Features, Sessions
from madeof.model.zooming import ZoomRule
from madeof.regions.as_regions import as_regions, one_region
from madeof.regions.asked import asked_regions
from madeof.regions.mask_like import BoxesLike, LabelMapLike, MaskLike
from madeof.regions.options import DEFAULT as READ
from madeof.regions.options import ReadOptions
from madeof.regions.region import Region

if TYPE_CHECKING:
    from madeof.inference.explanation import Explanation
    from madeof.inference.segmentation import MaterialMap, Segmentation

_CELLS_AT_ONCE = 64 * 384 * 384  # of all masks of one call of the classifier; bounds its memory


@dataclass(frozen=True, eq=False)
class Encoded:
    """An encoded photo: everything that `Predictor.predict` needs. A program can hold several."""

    photo: Photo
    features: Features = field(repr=False)
    """Features; only the model that computed them can use them."""
    looks: Looks = field(default_factory=Looks, repr=False)
    """Bounded cache of encoded windows."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it holds now. They grow by what is kept of its windows, to a bound."""
        held = self.photo.pixels.nbytes + sum(array.nbytes for array in self.features) + self.looks.nbytes
        return held + len(self.photo.source or b"")


class Predictor(Pretrained):
    """A model that names materials.

    Several threads may share one: each has the photo that it set itself. It can be pickled, without its photo.

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
        self._options = {"threads": threads, "engine": engine, "zoom": zoom}
        self.folder = Path(folder)
        self.record = Record.read(folder)
        self.materials = self.record.materials
        self._learned = read_learned(Path(folder), self.record)
        self._sessions = Sessions(Path(folder), self.record, threads=threads, engine=engine)
        if self._learned is not None:
            self._sessions.check_embedding(self._learned.weight.shape[1])
        self._photos = threading.local()

    def set_image(self, image: ImageLike, *, max_megapixels: float = 100.0, strict: bool = False) -> Photo:
        """Encode a photo and make it the current one of this thread.

        Args and errors are those of `encode`.

        Returns:
            the photo as it was read: its `size` with the EXIF rotation applied, and warnings. Of a large JPEG the
            `pixels` are no more than the model needs; `madeof.images.read_photo` reads them all.
        """
        self._photos.encoded = None  # a photo that fails must not leave the last one in its place
        encoded = self.encode(image, max_megapixels=max_megapixels, strict=strict)
        self._photos.encoded = encoded
        return encoded.photo

    def read(self, image: ImageLike, options: ReadOptions = READ) -> Photo:
        """Read a photo, with no more pixels than the model needs of a large JPEG.

        Args:
            image: a path, a file's bytes, a PIL image, a (H, W, 3) uint8 RGB array, or a `Photo`, which is returned.
            options: its limits.

        Raises:
            PhotoError: it cannot be read.
        """
        if isinstance(image, Photo):
            return image
        least_size = self.record.preprocessing.least_size
        return read_photo(image, max_megapixels=options.max_megapixels, strict=options.strict, least_size=least_size)

    def encode(self, image: ImageLike, *, max_megapixels: float = 100.0, strict: bool = False) -> Encoded:
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
        masks: MaskLike,
        *,
        encoded: Encoded | None = None,
        size: tuple[int, int] | None = None,
        zoom: Zoom | None = None,
    ) -> NDArray[np.float32]:
        """The calibrated probability of each material for each region.

        Args:
            masks: what `madeof.regions.as_regions` takes, such as N masks of the photo's height and width, each (H, W):
                bool, or float coverage in [0, 1], or integers that are all 0 and 1 or all 0 and 255. Or
                `madeof.regions.Region`s, which hold only a mask's box: the cheapest form of boxes, polygons and
                components of a label map.
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
        masks: MaskLike | None = None,
        *,
        boxes: BoxesLike | None = None,
        polygons: BoxesLike | None = None,
        label_map: LabelMapLike | None = None,
        encoded: Encoded | None = None,
        zoom: Zoom | None = None,
        background: int = 0,
        soft: bool = False,
        logits_above: float | None = None,
        skip_empty: bool = False,
    ) -> Predictions:
        """Name the material of each region of the photo that `set_image` or `encode` was given.

        The regions are those of the masks, the boxes, the polygons and the label map, in this order; the whole photo
        where none of them is given.

        Args:
            masks: what `madeof.regions.as_regions` takes: masks, or what a segmenter returned.
            boxes: (N, 4), or one of four numbers: x0, y0, x1, y1 in pixels, x1 and y1 one past the last.
            polygons: each (n, 2) points x, y in pixels, or x, y, x, y, ...
            label_map: what `madeof.regions.regions_from_label_map` takes, or a file of one; each component is a region.
            encoded: the photo, where it is another than the one that `set_image` was given.
            zoom: as for `Predictor`, for this question; None for the predictor's own.
            background: the label map's value where there is nothing; -1 in some of transformers' maps.
            soft: masks of 8-bit integers are soft, value / 255.
            logits_above: masks of floats are logits, and what is above this is inside.
            skip_empty: leave out masks without a pixel; `Predictions.regions` names those that are answered.

        Raises:
            RegionError: a region is empty, of another size, or out of range, or could mean two things.
            InputError: no photo was set.
        """
        encoded = self._photo(encoded)
        height, width = encoded.photo.size
        checked = asked_regions(
            (height, width), masks, boxes, polygons, label_map, background=background, soft=soft,
            logits_above=logits_above, skip_empty=skip_empty, raw_size=encoded.photo.raw_size,
        )  # fmt: skip
        sights = self._seen(checked, encoded, zoom)
        small_below = self._rule.small_below
        found = tuple(
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
        )
        return Predictions(found, self.materials, tuple(checked), encoded.photo, self.record.title)

    def segment(
        self,
        image: ImageLike | Encoded,
        regions: Segmentation = "superpixels",
        *,
        min_score: float = 0.0,
        by_value: bool = False,
        min_area: int = 1,
    ) -> MaterialMap:
        """Find out what every pixel of a photo is made of; args and errors are those of `madeof.map_materials`."""
        from madeof.inference.segmentation import map_materials

        return map_materials(self, image, regions, min_score=min_score, by_value=by_value, min_area=min_area)

    def explain(self, image: ImageLike, mask: MaskLike, *, looks: int | None = None) -> Explanation:
        """Find out where the answer for one region came from; args and errors are those of `madeof.explain`."""
        from madeof.inference.explanation import LOOKS, explain

        return explain(self, image, mask, looks=LOOKS if looks is None else looks)

    def describe(
        self, masks: MaskLike, *, encoded: Encoded | None = None, zoom: Zoom | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits and embeddings of the base model. Args are those of `scores`.

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

    def window_of(self, region: Region, encoded: Encoded) -> tuple[Window | None, Sights]:
        """Window of the second look at a region (None if there is none), and what the net sees of the photo."""
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
        found: Encoded | None = encoded or getattr(self._photos, "encoded", None)
        if found is None:
            raise InputError(
                "got masks but no photo: call set_image first, in this thread, or give encode's result as  encoded="
            )
        return found

    def _checked(self, masks: MaskLike, encoded: Encoded, size: tuple[int, int] | None = None) -> list[Region]:
        return as_regions(masks, size or encoded.photo.size, raw_size=None if size else encoded.photo.raw_size)

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


def load(
    model: str | Path | None = None,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    threads: int = 0,
    engine: str = DEFAULT,
    zoom: Zoom = "auto",
) -> Predictor:
    """Load a model.

    Args:
        model: a model folder, a name on the Hugging Face Hub such as "someone/stones" (extra `hub`), or None for the
            bundled model.
        revision: of a model on the Hub: a branch, a tag or a commit, so that results can be repeated.
        token: of the Hub, for private models; None takes the one of `hf auth login`.
        cache_dir: where models of the Hub are kept; None takes the Hub's own cache.
        threads: how many threads it uses; 0 takes one for each core.
        engine: what runs the encoder; see `Predictor`.
        zoom: whether it looks again at what is small in a large photo; see `Predictor`.

    Raises:
        ModelError: there is no such model, or it is not whole.
        InputError: there is no such engine, or this CPU cannot run it; `zoom` is wrong; or `revision`, `token` or
            `cache_dir` were given for a model that is not on the Hub.
        MissingExtraError: the engine is not installed.
    """
    return Predictor.from_pretrained(
        model, revision=revision, token=token, cache_dir=cache_dir, threads=threads, engine=engine, zoom=zoom
    )


def classify(image: ImageLike, mask: MaskLike, *, model: str | Path | None = None, zoom: Zoom = "auto") -> Prediction:
    """Name the material of one region of one photo: a one-shot `Predictor`.

    Args:
        image: a path, a file's bytes, a PIL image or a (H, W, 3) uint8 RGB array.
        mask: one mask as `madeof.regions.as_regions` takes it, such as the path of a mask file, such a file's bytes, a
            PIL image, or an array (H, W) of the photo's size: bool, or float coverage in [0, 1], or integers that are
            all 0 and 1 or all 0 and 255.
        model: see `load`.
        zoom: see `load`.

    Raises:
        InputError: the photo (PhotoError) or the mask (RegionError) cannot be used.
        ModelError: there is no such model, or it is not whole.
    """
    predictor = load(model, zoom=zoom)
    encoded = predictor.encode(image)
    region = one_region(mask, encoded.photo.size, raw_size=encoded.photo.raw_size)
    return predictor.predict(region, encoded=encoded)[0]
