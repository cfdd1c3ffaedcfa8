"""The backend: tasks in, predictions out."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from madeof._util.text import join_some, show
from madeof.errors import MadeofError, RegionError
from madeof.inference.prediction import Prediction
from madeof.inference.predictor import Encoded
from madeof.regions.request import WHOLE_PHOTO, RegionRequest
from madeof.serve.answering import Question, answer
from madeof.serve.encoding import encode, slim
from madeof.serve.label_studio.interface import Interface
from madeof.serve.label_studio.naming import Naming
from madeof.serve.label_studio.options import LabelStudio
from madeof.serve.label_studio.photos import Photos
from madeof.serve.label_studio.regions import Spot, naming_of, spots_in, whole
from madeof.serve.multipart import Upload
from madeof.serve.problems import ProblemError
from madeof.serve.service import Service
from madeof.serve.settings import MB

_logger = logging.getLogger("madeof")

_THEIRS = ("photo", "region", "input")  # kinds of problems that a task has, and the next one may not
_MOST_NOTES = 100
_SHARE = 0.8  # of the time for a request after which the tasks that are left are left for another one


class Asked(NamedTuple):
    """A request for predictions."""

    tasks: Sequence[Mapping[str, Any]]
    interface: Interface
    drawn: Sequence[Any] | None
    """The results that a person drew right now, to be answered at once (`params.context.result`)."""


class Backend:
    """Answers for one service.

    Args:
        service: its parts.
        options: what the operator allows.
    """

    def __init__(self, service: Service, options: LabelStudio) -> None:
        self._service = service
        self._photos = Photos(options, int(service.settings.max_body_mb * MB))
        self._lock = threading.Lock()
        self._names: OrderedDict[bytes, str] = OrderedDict()
        """SHA-256 of a photo that somebody draws on -> the id under which it is kept, if it still is."""

    @property
    def version(self) -> str:
        """Model version that Label Studio stores with each prediction."""
        return self._service.predictor.record.title

    def namings(self, interface: Interface) -> list[Naming]:
        """Labels of the project's controls for the model's materials."""
        return [Naming(control, self._service.predictor.materials) for control in interface.controls]

    def predict(self, asked: Asked, check: Callable[[], None], since: float) -> dict[str, Any]:
        """The answer of `POST /predict`.

        Args:
            asked: the request.
            check: raises where nobody waits any more.
            since: when it came, of `time.monotonic()`.

        Returns:
            `results` has an element for each task: a prediction, or an empty list where there is nothing to say, for
            which Label Studio then keeps nothing and asks again. `notes` say why.

        Raises:
            ProblemError: no task can be answered.
        """
        namings = self.namings(asked.interface)
        if not any(naming.labels for naming in namings):
            labels = join_some(show(label.value) for control in asked.interface.controls for label in control.labels)
            raise ProblemError(
                "input",
                f"none of the project's labels ({labels}) is a material of the model "
                f"({join_some(map(show, self._service.predictor.materials))}); name some so, or list them in their "
                "predicted_values",
            )
        until = since + _SHARE * self._service.settings.request_seconds
        results: list[Any] = []
        notes: list[str] = []
        errors: list[dict[str, str]] = []
        first: Exception | None = None
        for number, task in enumerate(asked.tasks, start=1):
            name = f"task {_mark(task, number)}"
            if results and time.monotonic() > until:
                notes.append(f"{name} and those after it: there was no time for them; ask again")
                break
            found: list[str] = []
            try:
                results.append(self._task(task, asked, namings, check, found) or [])
            except (MadeofError, ProblemError) as error:
                problem = error if isinstance(error, ProblemError) else ProblemError.of(error)
                if problem.kind not in _THEIRS:
                    raise
                results.append([])
                first = first or problem
                errors.append({"task": str(_mark(task, number)), "error": str(error)})
                found.append(str(error))
            notes += [f"{name}: {note}" for note in found]
        if errors and len(errors) == len(asked.tasks):
            assert isinstance(first, ProblemError)
            raise ProblemError(first.kind, notes[0], errors=errors)
        if notes:
            _logger.warning("Label Studio: %s", join_some(map(show, notes), most=3))
        results += [[] for _ in asked.tasks[len(results) :]]
        told: dict[str, Any] = {"results": results, "model_version": self.version}
        return {**told, "notes": notes[:_MOST_NOTES]} if notes else told

    def _task(
        self,
        task: Mapping[str, Any],
        asked: Asked,
        namings: Sequence[Naming],
        check: Callable[[], None],
        notes: list[str],
    ) -> dict[str, Any] | None:
        """The prediction for a task; None where there is nothing to say."""
        interface = asked.interface
        if asked.drawn is not None:
            spots, results = spots_in(asked.drawn, interface.image), asked.drawn
            if not spots:
                raise RegionError(
                    "nothing that was drawn is a region; expected one of brush, bitmask, polygon, rectangle or ellipse"
                )
        else:
            spots, results = self._stored(task, interface.image)
        asking: list[tuple[Spot, Naming]] = []
        for spot in spots:
            naming = naming_of(spot, interface, namings)
            if naming is None:
                notes.append(f"region {spot.id}: no control of the project says a material of it")
            elif asked.drawn is not None or not spot.is_said(naming):
                asking.append((spot, naming))
        sayers = [naming for naming in namings if naming.control in interface.whole and naming.labels]
        said = [one.get("from_name") for one in results if isinstance(one, dict)]
        if not asking and (spots or not sayers or sayers[0].control.name in said):
            return None
        data = task.get("data")
        upload = self._photos.read(data.get(interface.key) if isinstance(data, dict) else None, check)
        encoded = self._encoded(upload, keep=asked.drawn is not None)
        if not asking:
            return self._whole(encoded, sayers[0], interface.image, check, notes)
        return self._regions(encoded, asking, spots, interface.image, check, notes)

    def _stored(self, task: Mapping[str, Any], image: str) -> tuple[list[Spot], Sequence[Any]]:
        """The regions that a task has: of its latest annotation, else of its latest prediction by another model."""
        for part in ("annotations", "predictions"):
            some = task.get(part)
            answers = [one for one in some if isinstance(one, dict)] if isinstance(some, list) else []
            answers = [one for one in answers if not one.get("was_cancelled")]
            answers = [one for one in answers if part == "annotations" or one.get("model_version") != self.version]
            for one in sorted(answers, key=_time, reverse=True):
                results = one.get("result")
                if isinstance(results, list) and ((results and part == "annotations") or spots_in(results, image)):
                    return spots_in(results, image), results
        return [], []

    def _encoded(self, upload: Upload, keep: bool) -> Encoded:
        """Encode a photo. Photos being annotated are cached for their next region."""
        if not keep:
            return encode(self._service, upload)
        digest = hashlib.sha256(upload.data).digest()
        images = self._service.images
        try:
            with self._lock:
                name = self._names.get(digest, "")
            return images.get(name)
        except ProblemError:
            encoded = slim(encode(self._service, upload))
        try:
            name = images.add(encoded)
        except ProblemError:  # larger than all that may be kept
            return encoded
        with self._lock:
            self._names[digest] = name
            self._names.move_to_end(digest)
            while len(self._names) > self._service.settings.cache_images:
                self._names.popitem(last=False)
        return encoded

    def _regions(
        self,
        encoded: Encoded,
        asking: Sequence[tuple[Spot, Naming]],
        spots: Sequence[Spot],
        image: str,
        check: Callable[[], None],
        notes: list[str],
    ) -> dict[str, Any] | None:
        most = self._service.settings.max_points
        requests = [spot.request(encoded.photo.size, most) for spot, _ in asking]
        predictions = self._predictions(encoded, requests, check, notes)
        told: dict[str, list[Any]] = {}
        scores = []
        for (spot, naming), prediction in zip(asking, predictions, strict=True):
            found = prediction and self._name(naming, prediction, f"region {spot.id}", notes)
            if found:
                told[spot.id] = spot.told(naming, *found, image, encoded.photo.size)
                scores.append(found[1])
        if not told:
            return None
        asked = {spot.id for spot, _ in asking}
        # What has a label already stays as it is, so that the prediction is whole.
        rest = {spot.id: list(spot.results) for spot in spots if spot.id not in asked}
        every = {**rest, **told}
        results = [one for spot in spots for one in every.get(spot.id, ())]
        return {"model_version": self.version, "score": min(scores), "result": results}

    def _whole(
        self, encoded: Encoded, naming: Naming, image: str, check: Callable[[], None], notes: list[str]
    ) -> dict[str, Any] | None:
        prediction = self._predictions(encoded, [WHOLE_PHOTO], check, notes)[0]
        found = prediction and self._name(naming, prediction, "the photo", notes)
        if not found:
            return None
        return {
            "model_version": self.version,
            "score": found[1],
            "result": [whole(naming, *found, image, encoded.photo.size)],
        }

    def _predictions(
        self, encoded: Encoded, requests: Sequence[RegionRequest], check: Callable[[], None], notes: list[str]
    ) -> list[Prediction | None]:
        """Those of regions; None for one that cannot be used, with a note.

        Raises:
            ProblemError: none can be used.
        """
        settings = self._service.settings
        question = Question(requests, check, options=settings.reading, most_pixels=settings.most_pixels)
        answer(self._service.predictor, encoded, [question])
        question.result(self._service.predictor, encoded)
        self._service.metrics.regions.inc(len(requests))
        notes += [f"region {one.region}: {one.error}" for one in question.answers if one.error]
        return [one.prediction for one in question.answers]

    def _name(self, naming: Naming, prediction: Prediction, what: str, notes: list[str]) -> tuple[str, float] | None:
        found = naming.name(prediction)
        if found is None:
            material = f"{show(prediction.material)} ({prediction.score:.2f})"
            reason = "is no label of" if prediction.material not in naming.labels else "has too low a score for"
            notes.append(f"{what} is {material}, which {reason} {show(naming.control.name)}")
        return found


def _mark(task: Mapping[str, Any], number: int) -> int | str:
    """A task's id, or its number from 1."""
    mark = task.get("id")
    return mark if isinstance(mark, int) and 0 <= mark < 2**63 else number


def _time(one: Mapping[str, Any]) -> str:
    """When an annotation was last changed; such times sort as text."""
    time_ = one.get("updated_at") or one.get("created_at")
    return time_ if isinstance(time_, str) else ""
