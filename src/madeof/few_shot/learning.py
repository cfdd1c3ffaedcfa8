"""`madeof.learn`: add, remove, rename or merge materials of a model, from a few regions and without training."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from madeof._util import files
from madeof._util.text import join_some, show
from madeof.errors import InputError, RegionError
from madeof.few_shot.exemplars import read_memory
from madeof.few_shot.fitting import COST, Fitted, LearnedMaterial, fit
from madeof.inference.predictor import Predictor, load
from madeof.materials.lists import key
from madeof.model.calibration import Calibration
from madeof.model.learned_head import Examples, read_learned
from madeof.model.record import FILES, LEARNED, MEMORY, WEIGHTS, Record
from madeof.regions.as_regions import one_region

Example = tuple[Any, Any]
"""A photo and a region of it, each as `madeof.classify` takes them, or a `madeof.regions.Region`; or functions that
give them, so that not all are in memory at once: the photo's is called with nothing, the region's with its size."""

MOST_EXAMPLES = 2000
"""Most examples of all learned materials together."""
_NEAR = 1e-2  # relative distance of embeddings below which two regions are the same


@dataclass(frozen=True)
class LearningResult:
    """Outcome of `learn`."""

    record: Record
    """The record of the new folder."""
    learned: dict[str, LearnedMaterial]
    """Every learned material, those of earlier calls included."""
    exemplars: int
    """Number of exemplars of the net's materials, on which the accuracies were measured; 0 without a memory."""
    before: float | None
    """Accuracy on the exemplars before learning."""
    after: float | None
    """Accuracy on the exemplars after learning, cross-validated by photo."""

    @property
    def taught(self) -> dict[str, LearnedMaterial]:
        """`learned`, by its name until 0.3."""
        return self.learned

    @property
    def remembered(self) -> int:
        """`exemplars`, by its name until 0.3."""
        return self.exemplars


@dataclass
class _Materials:
    """The model's materials while they are changed."""

    names: list[str]
    columns: list[list[int]]
    first_learned: int
    """The first column that is not the net's."""

    @classmethod
    def of(cls, record: Record) -> _Materials:
        columns = record.columns or [(i,) for i in range(record.outputs) if i != record.background]
        return cls([*record.materials], [[*own] for own in columns], record.outputs)

    def find(self, name: str) -> int:
        keys = [key(known) for known in self.names]
        if key(name) not in keys:
            raise InputError(f"the model has no material {show(name)!r}; it has {join_some(self.names, most=60)}")
        return keys.index(key(name))

    def check_free(self, name: str, but: Iterable[int] = ()) -> None:
        if not name.strip() or name != name.strip() or not name.isprintable():
            raise InputError(f"got the name {show(name)!r}; expected a name without blanks around it, on one line")
        taken = [known for i, known in enumerate(self.names) if i not in set(but) and key(known) == key(name)]
        if taken:
            raise InputError(
                f"the model has a material {show(taken[0])!r} already: give another name, or remove or rename that one"
            )

    def remove(self, name: str) -> None:
        place = self.find(name)
        del self.names[place], self.columns[place]

    def rename(self, old: str, new: str) -> None:
        place = self.find(old)
        self.check_free(new, [place])
        self.names[place] = new

    def merge(self, names: Sequence[str], new: str) -> None:
        places = sorted({self.find(name) for name in names})
        if len(places) < 2:
            raise InputError(f"to merge into {show(new)!r}: got {len(places)} material; expected two or more")
        self.check_free(new, places)
        self.names[places[0]] = new
        self.columns[places[0]] = [column for place in places for column in self.columns[place]]
        for place in places[:0:-1]:
            del self.names[place], self.columns[place]

    def add(self, name: str, free: int) -> int:
        """The learned column of a material; `free` for a new one."""
        if key(name) in map(key, self.names):
            learned = [column for column in self.columns[self.find(name)] if column >= self.first_learned]
            if learned:
                return learned[0]
        self.check_free(name)
        self.names.append(name)
        self.columns.append([free])
        return free


def learn(
    out: str | Path,
    *,
    add: Mapping[str, Iterable[Example]] | None = None,
    remove: Iterable[str] = (),
    rename: Mapping[str, str] | None = None,
    merge: Mapping[str, Sequence[str]] | None = None,
    model: str | Path | None = None,
    cost: float = COST,
    threads: int = 0,
    progress: Callable[[int], object] | None = None,
) -> LearningResult:
    """Write a copy of a model with other materials, in seconds, without training or PyTorch.

    Materials are removed first, then renamed, merged, and added. One that was learned before gets more examples when it
    is added again; one of the net's own must be removed first. Nothing is written where anything fails.

    Args:
        out: the new folder; must be empty or not exist.
        add: new materials, each with one or more (photo, region) examples.
        remove: materials to drop; the others share their scores.
        rename: old name -> new name.
        merge: new name -> materials whose scores are added up under it.
        model: model folder or Hub name, as in `madeof.load`.
        cost: largest share of right answers for old materials that each new one may take away, in [0, 0.5].
        threads: CPU threads; 0 is one per core.
        progress: called after each photo with the number of photos done.

    Raises:
        InputError: a name is unknown or taken, an example cannot be used, or there is nothing to do.
        ModelError: the model cannot learn: it gives no embeddings or has no memory.
        WriteError: something is at `out`, or it cannot be written.
    """
    given = {name: [*pairs] for name, pairs in (add or {}).items()}
    remove, rename, merge = [*remove], dict(rename or {}), dict(merge or {})
    if not (given or remove or rename or merge):
        raise InputError("nothing to learn: expected add, remove, rename or merge")
    if not 0 <= cost <= 0.5:
        raise InputError(f"cost is {cost:g}; expected a share from 0 to 0.5")
    if empty := [name for name, pairs in given.items() if not pairs]:
        raise InputError(f"there is no region of {show(empty[0])!r}; expected one or more examples")
    files.check_free(out, folder=True)
    predictor = load(model, threads=threads)
    record, folder = predictor.record, predictor.folder
    materials = _Materials.of(record)
    for name in remove:
        materials.remove(name)
    for old, new in rename.items():
        materials.rename(old, new)
    for new, names in merge.items():
        materials.merge(names, new)
    before = read_learned(folder, record)
    free = record.outputs + record.learned
    wanted: list[tuple[int, list[Example]]] = []
    for name, pairs in given.items():
        wanted.append((materials.add(name, free), pairs))
        free = max(free, wanted[-1][0] + 1)
    memory = read_memory(folder, record) if MEMORY in record.files or wanted else None
    known = _kept(before.examples if before else None, record)
    examples = _look(predictor, wanted, known, progress) if wanted else known
    changed, examples = _renumbered(record, materials, examples)
    fitted = fit(memory, examples, changed, cost) if memory is not None else None
    done = {"remove": remove, "rename": rename, "merge": merge, "add": {n: len(pairs) for n, pairs in given.items()}}
    changed = _described(record, changed, fitted, {what: how for what, how in done.items() if how})
    written = _write(folder, record, changed, fitted, Path(out))
    if fitted is None:
        return LearningResult(written, {}, 0, None, None)
    learned = [name for name, own in zip(changed.materials, changed.columns or (), strict=True)
               for column in own if column >= changed.outputs]  # fmt: skip
    order = np.argsort([column for own in changed.columns or () for column in own if column >= changed.outputs])
    found = {learned[i]: each for i, each in zip(order.tolist(), fitted.materials, strict=True)}
    return LearningResult(written, found, fitted.exemplars, fitted.before, fitted.after)


def _kept(examples: Examples | None, record: Record) -> Examples:
    """The examples learned earlier, `of` counted as columns."""
    if examples is not None:
        return dataclasses.replace(examples, of=examples.of + record.outputs)
    none = np.zeros(0, dtype=np.int64)
    empty = np.zeros((0, 0), dtype=np.float32)
    return Examples(empty, empty, none, none, np.zeros(0, dtype=np.float32))


def _look(
    predictor: Predictor, wanted: list[tuple[int, list[Example]]], known: Examples,
    progress: Callable[[int], object] | None,
) -> Examples:  # fmt: skip
    """All examples, the new ones embedded by the net; each photo is encoded once."""
    by_photo: dict[Any, list[tuple[int, Any]]] = {}
    photos: dict[Any, Any] = {}
    for column, pairs in wanted:
        for image, mask in pairs:
            name = f"{image}" if isinstance(image, str | Path) else image if isinstance(image, bytes) else id(image)
            photos[name] = image
            by_photo.setdefault(name, []).append((column, mask))
    if len(known.of) + sum(map(len, by_photo.values())) > MOST_EXAMPLES:
        raise InputError(f"got more than {MOST_EXAMPLES} examples; with so many, train a model on them")
    columns = [known.of]
    shares, numbers = [known.share], [known.photo]
    embeddings = [known.embedding] if len(known.of) else []
    logits = [known.logits] if len(known.of) else []
    for done, (name, regions) in enumerate(by_photo.items(), start=1):
        image = photos[name]
        encoded = predictor.encode(image() if callable(image) else image)
        photo = encoded.photo
        masks = []
        for _, given in regions:
            mask = given(photo.size) if callable(given) else given
            masks.append(mask)
        try:
            masks = [one_region(mask, photo.size, raw_size=photo.raw_size) for mask in masks]
            found, embedding = predictor.describe(masks, encoded=encoded)
        except RegionError as error:
            raise RegionError(f"{show(photo.name)}: {error}") from error
        areas = [float(region.area) for region in masks]
        embeddings.append(embedding)
        logits.append(found)
        columns.append(np.array([column for column, _ in regions], dtype=np.int64))
        shares.append((np.array(areas) / (photo.size[0] * photo.size[1])).astype(np.float32))
        number = int.from_bytes(hashlib.sha256(photo.pixels.tobytes()).digest()[:4], "big") >> 1
        numbers.append(np.full(len(regions), number, dtype=np.int64))
        if progress is not None:
            progress(done)
    every = Examples(
        np.concatenate(embeddings), np.concatenate(logits), np.concatenate(columns), np.concatenate(numbers),
        np.concatenate(shares),
    )  # fmt: skip
    return _some(every, _first_ones(every))


def _first_ones(examples: Examples) -> NDArray[np.bool_]:
    """All but those that are there already: the same region of the same photo for the same material."""
    first = np.ones(len(examples.of), dtype=np.bool_)
    for i in range(len(first)):
        same = (examples.photo[:i] == examples.photo[i]) & (examples.of[:i] == examples.of[i])
        off = np.linalg.norm(examples.embedding[:i][same] - examples.embedding[i], axis=1)
        first[i] = not (off <= _NEAR * np.linalg.norm(examples.embedding[i])).any()
    return first


def _some(examples: Examples, chosen: NDArray[np.bool_]) -> Examples:
    return Examples(*(getattr(examples, field.name)[chosen] for field in dataclasses.fields(Examples)))


def _renumbered(record: Record, materials: _Materials, examples: Examples) -> tuple[Record, Examples]:
    """The record with the changed materials, its learned columns without gaps, and the examples that are still used."""
    flat = sorted(column for own in materials.columns for column in own)
    if not flat or flat[0] >= record.outputs or len(materials.names) < 2:
        raise InputError("too little would be left; expected two materials or more, one of them the net's own")
    learned = [column for column in flat if column >= record.outputs]
    number = {column: record.outputs + i for i, column in enumerate(learned)}
    columns = tuple(tuple(number.get(column, column) for column in own) for own in materials.columns)
    kept = _some(examples, np.isin(examples.of, learned))
    of = np.array([number[column] - record.outputs for column in kept.of.tolist()], dtype=np.int64)
    changed = dataclasses.replace(
        record, materials=tuple(materials.names), columns=columns,
        calibration=dataclasses.replace(record.calibration, by_size=()),  # it is of the net's own materials
        net_materials=record.materials if record.net_materials is None else record.net_materials,
    )  # fmt: skip
    return changed, dataclasses.replace(kept, of=of)


def _described(old: Record, changed: Record, fitted: Fitted | None, done: dict[str, Any]) -> Record:
    """The record with this change logged; older metrics are marked as measured before it."""
    lessons = [*old.training.get("lessons", []), done]
    metrics: dict[str, Any] = {"before learning": old.metrics.get("before learning", old.metrics)}
    if fitted is None:  # nothing is known of the changed materials' scores but the scores themselves
        changed = dataclasses.replace(changed, calibration=Calibration(changed.calibration.temperature))
    else:
        changed = dataclasses.replace(changed, calibration=fitted.record.calibration)
        metrics["remembered"] = {
            "regions": fitted.exemplars, "accuracy of the net": fitted.before, "accuracy": fitted.after,
        }  # fmt: skip
    return dataclasses.replace(
        changed,
        version=f"{old.version.partition('+')[0]}+{len(lessons)}",
        training={**old.training, "lessons": lessons},
        metrics=metrics,
    )


def _write(folder: Path, old: Record, changed: Record, fitted: Fitted | None, out: Path) -> Record:
    files.make_folder(out.absolute().parent)
    with files.all_new(out, folder=True) as place:
        for name in FILES:  # and not what else a record may speak of: it could lead out of the folder
            if name in old.files and name not in (WEIGHTS, LEARNED):  # the weights know nothing of what was learned
                files.write_bytes(place / name, old.checked_bytes(folder, name))
        if fitted is not None and fitted.learned is not None:
            files.write_bytes(place / LEARNED, fitted.learned.to_bytes())
        return changed.write(place)
