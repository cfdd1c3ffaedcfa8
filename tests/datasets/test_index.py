"""The index and its file: what is remembered, what is looked at again, and what a broken file does."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import RegionDataset, index, label_maps, open_dataset, table
from madeof.errors import DatasetError


def save(path: Path, pixels: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def label_map(seed: int) -> NDArray[np.uint8]:
    rough = np.random.default_rng(seed).integers(0, 3, (3, 4), dtype=np.uint8)
    rough[0, 0] = 1
    return np.kron(rough, np.ones((3, 3), dtype=np.uint8))


def add(root: Path, name: str, seed: int) -> None:
    save(root / "images" / f"{name}.png", np.full((9, 12, 3), seed, dtype=np.uint8))
    save(root / "labels" / f"{name}.png", label_map(seed))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed in range(7):
        add(tmp_path / "data", f"p{seed}", seed)
    (tmp_path / "data" / "materials.csv").write_text("id,name\n1,Brick\n2,Wood\n")
    return tmp_path / "data"


@pytest.fixture
def scanned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the photos that were looked over since."""
    names: list[str] = []
    for layout in (label_maps.LabelMaps, table.Table):
        scan = layout.scan

        def count(self, number, scan=scan):  # type: ignore[no-untyped-def]
            names.append(self.name(number))
            return scan(self, number)

        monkeypatch.setattr(layout, "scan", count)
    return names


def assert_same(one: RegionDataset, other: RegionDataset) -> None:
    assert one.photos.name == other.photos.name
    assert one.digest == other.digest
    assert (one.photos.height == other.photos.height).all()
    for column in ("photo", "material", "area", "box", "key"):
        left, right = getattr(one.regions, column), getattr(other.regions, column)
        assert left.dtype == right.dtype
        assert (left == right).all()
    assert (one.too_small, one.without_regions) == (other.too_small, other.without_regions)
    for photo in range(len(one)):
        assert (one.read(photo).masks == other.read(photo).masks).all()


def test_opened_again_nothing_is_scanned(root: Path, tmp_path: Path, scanned: list[str]) -> None:
    cache = tmp_path / "made" / "cache"
    first = open_dataset(root, cache=cache, min_area=10)
    assert len(scanned) == 7
    assert first.too_small > 0
    second = open_dataset(root, cache=cache, min_area=10)
    assert len(scanned) == 7
    assert_same(first, second)
    assert [path.suffix for path in cache.iterdir()] == [".npz"]


def test_only_what_changed_is_scanned(root: Path, tmp_path: Path, scanned: list[str]) -> None:
    cache = tmp_path / "cache"
    before = open_dataset(root, cache=cache)
    scanned.clear()
    add(root, "p3", 99)
    add(root, "p11", 11)
    (root / "images" / "p5.png").unlink()
    (root / "labels" / "p5.png").unlink()
    after = open_dataset(root, cache=cache)
    assert sorted(scanned) == ["p11", "p3"]
    assert after.photos.name == ("p0", "p1", "p11", "p2", "p3", "p4", "p6")
    assert_same(after, open_dataset(root))
    assert after.digest != before.digest
    scanned.clear()
    open_dataset(root, cache=cache)
    assert scanned == []
    assert len(list(cache.iterdir())) == 1


def test_other_options_are_another_index(root: Path, tmp_path: Path) -> None:
    plain = open_dataset(root, cache=tmp_path)
    for settings_ in ({"min_area": 20}, {"ignore": [1]}):
        assert_same(open_dataset(root, cache=tmp_path, **settings_), open_dataset(root, **settings_))
    assert_same(open_dataset(root, cache=tmp_path), plain)
    (root / "materials.csv").write_text("id,name\n1,Wood\n2,Brick\n")
    assert open_dataset(root, cache=tmp_path).materials == ("Wood", "Brick")
    # One file for all options: each rebuilds it, none is wrong.
    file = tmp_path / "one.npz"
    for settings_ in ({}, {"min_area": 20}, {"ignore": [1]}):
        assert_same(open_dataset(root, cache=file, **settings_), open_dataset(root, **settings_))
    assert file.is_file()


def test_table_is_remembered(tmp_path: Path, scanned: list[str]) -> None:
    rows = ["image,mask,material"]
    for seed in range(4):
        add(tmp_path, str(seed), seed)
        save(tmp_path / f"m{seed}.png", (label_map(seed) == 1))
        rows.append(f"images/{seed}.png,m{seed}.png,Wood")
    path = tmp_path / "t.csv"
    path.write_text("\n".join(rows))
    cache = tmp_path / "index.npz"
    first = open_dataset(path, cache=cache)
    scanned.clear()
    assert_same(first, open_dataset(path, cache=cache))
    assert scanned == []
    save(tmp_path / "m2.png", (label_map(2) == 2))
    again = open_dataset(path, cache=cache)
    assert scanned == ["images/2.png"]
    assert again.digest != first.digest
    assert_same(again, open_dataset(path))


@pytest.mark.parametrize("workers", [1, 3])
def test_order_does_not_depend_on_threads(root: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    monkeypatch.setattr(index, "_AT_ONCE", 2)
    assert_same(open_dataset(root, workers=workers), open_dataset(root))


def test_bad_photos_are_looked_at_again(root: Path, tmp_path: Path, scanned: list[str]) -> None:
    good = (root / "labels" / "p2.png").read_bytes()
    (root / "labels" / "p2.png").write_bytes(b"broken")
    for _ in range(2):
        scanned.clear()
        dataset = open_dataset(root, cache=tmp_path / "c", skip_bad=True)
        assert "p2" in scanned
        assert len(dataset) == 6
        assert [problem.file for problem in dataset.skipped] == ["images/p2.png"]
    assert scanned == ["p2"]
    with pytest.raises(DatasetError, match=r"p2\.png"):
        open_dataset(root, cache=tmp_path / "c")
    (root / "labels" / "p2.png").write_bytes(good)
    assert_same(open_dataset(root, cache=tmp_path / "c"), open_dataset(root))


def test_progress(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_AT_ONCE", 3)
    (root / "labels" / "p2.png").write_bytes(b"broken")
    steps: list[tuple[int, int]] = []
    open_dataset(root, cache=tmp_path / "c", skip_bad=True, progress=lambda done, all_: steps.append((done, all_)))
    assert steps == [(3, 7), (6, 7), (7, 7)]
    steps.clear()
    open_dataset(root, cache=tmp_path / "c", skip_bad=True, progress=lambda done, all_: steps.append((done, all_)))
    assert steps == [(6, 7), (7, 7)]


def test_what_progress_raises_stops_the_work(root: Path, monkeypatch: pytest.MonkeyPatch, scanned: list[str]) -> None:
    monkeypatch.setattr(index, "_AT_ONCE", 1)

    def stop(done: int, all_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_dataset(root, workers=1, progress=stop)


def test_digest(root: Path, tmp_path: Path) -> None:
    one = open_dataset(root).digest
    assert len(one) == 64
    for path in root.rglob("*.png"):
        os.utime(path, ns=(1, 1))
    root.rename(tmp_path / "elsewhere")
    root = tmp_path / "elsewhere"
    assert open_dataset(root).digest == one
    assert open_dataset(root, min_area=20).digest != one
    (root / "materials.csv").write_text("id,name\n1,Brick\n2,Fur\n")
    assert open_dataset(root).digest != one
    (root / "materials.csv").write_text("id,name\n1,Brick\n2,Wood\n")
    assert open_dataset(root).digest == one
    values = label_map(0)
    values[-1, -1] = 0 if values[-1, -1] else 1
    save(root / "labels" / "p0.png", values)
    assert open_dataset(root).digest != one


def spoil(path: Path, kind: str) -> None:
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    data = path.read_bytes()
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "text":
            path.write_text("no index")
        case "one array":
            with path.open("wb") as file:
                np.save(file, np.zeros(3))
        case "pickle":
            np.savez(path, **{**columns, "width": np.array([{}], dtype=object)})
        case "format":
            np.savez(path, **{**columns, "format": np.int64(0)})
        case "column":
            del columns["height"]
            np.savez(path, **columns)
        case "length":
            np.savez(path, **{**columns, "region_area": columns["region_area"][:-1]})
        case "photo":
            np.savez(path, **{**columns, "region_photo": columns["region_photo"] + np.int32(1)})
        case "material":
            np.savez(path, **{**columns, "region_material": columns["region_material"] + np.int16(2)})
        case "key":
            np.savez(path, **{**columns, "region_key": columns["region_key"] - np.int32(1)})


@pytest.mark.parametrize(
    "kind",
    ["empty", "cut", "text", "one array", "pickle", "format", "column", "length", "photo", "material", "key"],
)
def test_broken_file_is_built_anew(
    root: Path, tmp_path: Path, kind: str, scanned: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "c.npz"
    open_dataset(root, cache=file)
    spoil(file, kind)
    scanned.clear()
    with caplog.at_level(logging.WARNING, logger="madeof"):
        dataset = open_dataset(root, cache=file)
    assert len(scanned) == 7
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [f"{file} is not a usable index"]
    assert_same(dataset, open_dataset(root))
    scanned.clear()
    open_dataset(root, cache=file)
    assert scanned == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans())
def test_damaged_bytes_never_raise(root: Path, tmp_path: Path, at: float, value: int, cut: bool) -> None:
    file = tmp_path / "c.npz"
    expected = open_dataset(root, cache=file)
    data = bytearray(file.read_bytes())
    place = int(at * (len(data) - 1))
    data[place] = value
    file.write_bytes(data[:place] if cut else data)
    assert_same(open_dataset(root, cache=file), expected)


def test_cache_that_cannot_be_written(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    dataset = open_dataset(root, cache=tmp_path / "file" / "cache")
    assert len(dataset) == 7
    assert "the index was not saved" in caplog.text
