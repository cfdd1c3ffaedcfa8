"""`madeof predict --to FORMAT --out PATH`: tables and the files of annotation tools."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import MATERIALS, photo_and_label_map
from PIL import Image
from pyarrow import parquet
from pycocotools.coco import COCO

from madeof.cli.arguments import WRITTEN
from madeof.cli.main import main
from madeof.cli.predict import OUTPUTS
from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats import FORMATS
from madeof.export.tables import TABLES, places_of
from madeof.inference.answer import answer_regions
from madeof.inference.predictor import Predictor, load

SIZE = 64, 80
OUT = {"coco": "o.json", "coco_results": "o.json", "label_studio": "o.json", "cvat": "o.xml"}
POLYGON = [[20.25, 10.5], [50.0, 10.0], [30.5, 30.75]]
REGIONS = ("--mask", "m.png", "--box", "5,6,15.5,20", "--polygon", " ".join(f"{x},{y}" for x, y in POLYGON))
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def predictor(tiny_model: Path) -> Predictor:
    return load(tiny_model, threads=1)


@pytest.fixture
def run(tmp_path: Path, tiny_model: Path, predictor: Predictor, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Run `madeof predict` in a folder with photos and a mask -> status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photos/a.png", "photos/küche/b 1.png")):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo_and_label_map(number, *SIZE)[0]).save(name)
    mask = np.zeros(SIZE, np.uint8)
    mask[30:50, 20:50] = 255
    mask[35:40, 30:40] = 0
    Image.fromarray(mask).save("m.png")
    monkeypatch.setattr("madeof.inference.predictor.load", lambda *_, **__: predictor)

    def run(*command: str) -> tuple[int, str, str]:
        status = main(["predict", "--model", str(tiny_model), *command])
        return status, *capsys.readouterr()

    return run


PHOTOS = ("photos/a.png", "photos/küche/b 1.png")


def written(run: Run, to: str, *more: str, photos: tuple[str, ...] = PHOTOS, out: str = "") -> Path:
    out = out or OUT.get(to, "o")
    status, stdout, err = run(*photos, *REGIONS, "--to", to, "--out", out, *more)
    assert (status, stdout) == (0, ""), err
    assert err.splitlines()[-1] == f"madeof: wrote {out}"
    return Path(out)


def answers(run: Run, *more: str, photos: tuple[str, ...] = PHOTOS) -> list[dict[str, Any]]:
    """What `--json` prints."""
    return [json.loads(line) for line in run(*photos, *REGIONS, "--json", *more)[1].splitlines()]


def opened(path: str | Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def results_of(read: COCO, path: str | Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return read.loadRes(str(path))


def mask_of(read: COCO, row: dict[str, Any]) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its own
        return read.annToMask(row).astype(int)


def test_the_formats() -> None:
    assert {*OUTPUTS} == {*TABLES, "coco_results", *WRITTEN}


def test_json_lines_are_what_json_prints(run: Run) -> None:
    path = written(run, "jsonl", "--top", "2")
    assert path.read_text(encoding="utf-8") == run(*PHOTOS, *REGIONS, "--json", "--top", "2")[1]


def test_csv_is_what_csv_prints(run: Run) -> None:
    path = written(run, "csv")
    assert path.read_text(encoding="utf-8") == run(*PHOTOS, *REGIONS, "--csv")[1]


def test_parquet(run: Run) -> None:
    table = parquet.read_table(written(run, "parquet", "--top", "3"))
    meant = answers(run, "--top", "3")
    rows = table.to_pylist()
    assert [row["image"] for row in rows] == [one["image"] for one in meant for _ in one["regions"]]
    for row, region in zip(rows, [region for one in meant for region in one["regions"]], strict=True):
        assert {name: row[name] for name in ("region", "material", "score", "top")} == {
            name: region[name] for name in ("region", "material", "score", "top")
        }
        assert [row[side] for side in ("x0", "y0", "x1", "y1")] == region["box"]
        assert (row["area"], row["width"], row["height"], row["model"]) == (region["area"], 80, 64, "tiny 3")
        assert row["error"] is None
    assert [str(field.type) for field in table.schema][5:12] == ["double", *["int32"] * 4, "string", "double"]


@pytest.mark.parametrize("to", TABLES)
def test_tables_have_what_failed(to: str, run: Run) -> None:
    """A photo that cannot be read, and a region that cannot be used."""
    photos = ("gone.png", "photos/a.png")
    status, _, err = run(*photos, *REGIONS, "--box", "900,900,950,950", "--to", to, "--out", "o")
    assert status == 1
    gone, outside = err.splitlines()[1:]
    assert err.startswith("madeof: wrote o\n")
    if to == "parquet":
        rows = parquet.read_table("o").to_pylist()
    elif to == "csv":
        with Path("o").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    else:
        first, second = map(json.loads, Path("o").read_text(encoding="utf-8").splitlines())
        assert set(first) == {"image", "error"}
        rows = [first, *second["regions"]]
    assert len(rows) == 5
    assert (rows[0]["image"], f"madeof: {rows[0]['error']}") == ("gone.png", gone)
    outside_row = rows.pop(3)
    assert outside_row["error"].startswith("the box 900, 900, 950, 950 lies outside")
    assert outside.startswith("madeof: photos/a.png: box 1: the box 900")
    assert all(row["material"] in MATERIALS for row in rows[1:])


def test_coco(run: Run) -> None:
    path = written(run, "coco")
    meant = answers(run)
    read = opened(path)
    assert [row["name"] for row in read.loadCats(read.getCatIds())] == list(MATERIALS)  # the model's, in its order
    assert [row["file_name"] for row in read.loadImgs(read.getImgIds())] == ["a.png", "küche/b 1.png"]
    rows = read.loadAnns(read.getAnnIds())
    keys = {"id", "image_id", "category_id", "bbox", "area", "segmentation", "iscrowd", "score"}
    assert all(set(row) == keys for row in rows)  # what FiftyOne knows; any other would be an attribute there
    for row, region in zip(rows, [region for one in meant for region in one["regions"]], strict=True):
        x0, y0, x1, y1 = region["box"]
        assert row["bbox"] == [x0, y0, x1 - x0, y1 - y0]
        assert row["area"] == region["area"]
        assert row["score"] == pytest.approx(region["score"], abs=1e-6)
        assert MATERIALS[row["category_id"] - 1] == region["material"]
        assert mask_of(read, row).shape == SIZE
    assert mask_of(read, rows[0]).sum() == 550
    # What was asked for as an outline stays one.
    assert rows[1]["segmentation"] == [[5, 6, 15.5, 6, 15.5, 20, 5, 20]]
    assert rows[2]["segmentation"] == [[number for point in POLYGON for number in point]]
    folder = written(run, "coco", out="fiftyone")
    assert json.loads((folder / "labels.json").read_text()) == json.loads(path.read_text())


def test_coco_results_of_plain_photos_have_the_ids_of_coco(run: Run) -> None:
    written(run, "coco", out="instances.json")
    read = opened("instances.json")
    results = results_of(read, written(run, "coco_results"))
    for row, other in zip(read.dataset["annotations"], results.dataset["annotations"], strict=True):
        assert (row["image_id"], row["category_id"]) == (other["image_id"], other["category_id"])
        assert row["score"] == other["score"]
        assert np.abs(mask_of(read, row) - mask_of(results, other)).sum() < 20  # theirs of outlines


def annotation_file(categories: list[str]) -> None:
    images = [{"id": 7, "file_name": "a.png"}, {"id": 70, "file_name": "küche\\b 1.png"}]
    outline = [number for point in POLYGON for number in point]
    content = {
        "images": [{**image, "width": 80, "height": 64} for image in images],
        "categories": [{"id": 100 - number, "name": name} for number, name in enumerate(categories)],
        "annotations": [
            {"id": 1, "image_id": 70, "category_id": 100, "segmentation": [outline]},
            {"id": 2, "image_id": 7, "category_id": 100, "segmentation": [outline, [1, 1, 9, 1, 9, 9]]},
            {"id": 3, "image_id": 7, "category_id": 100, "bbox": [40, 40, 20, 20]},
        ],
    }
    Path("photos/set.json").write_text(json.dumps(content))


def test_coco_results_of_an_annotation_file_have_its_ids(run: Run) -> None:
    annotation_file([name.upper() for name in MATERIALS])
    command = ("--annotations", "photos/set.json", "--to", "coco-results", "--out", "o.json")
    status, out, err = run(*command)
    assert (status, out, err) == (0, "", "madeof: wrote o.json\n")
    rows = json.loads(Path("o.json").read_text())
    assert sorted(row["image_id"] for row in rows) == [7, 7, 70]
    assert {row["category_id"] for row in rows} <= {97, 98, 99, 100}
    results_of(opened("photos/set.json"), "o.json")


def test_answers_that_an_annotation_file_has_no_category_for_are_told(run: Run, predictor: Predictor) -> None:
    annotation_file(["Something else"])
    status, _, err = run("--annotations", "photos/set.json", "--to", "coco-results", "--out", "o.json")
    assert status == 0
    told = [line for line in err.splitlines() if "not kept" in line]
    assert told
    assert all("which is no category of set.json (" in line for line in told)
    assert json.loads(Path("o.json").read_text()) == []


def test_label_map(run: Run, predictor: Predictor) -> None:
    folder = written(run, "label_map")
    dataset = open_dataset(folder)
    assert dataset.materials == MATERIALS
    assert dataset.photos.name == ("a", "küche/b 1")
    assert (folder / "legend.png").is_file()
    labels = np.asarray(Image.open(folder / "labels/a.png"))
    region = answers(run)[0]["regions"][0]
    assert MATERIALS[labels[32, 22] - 1] == region["material"]
    assert labels[63, 79] == 0


def test_what_is_lost_is_told(run: Run) -> None:
    told = run(*PHOTOS, *REGIONS, "--to", "label-map", "--out", "map")[2]
    assert "madeof: not kept in label_map: scores (6 regions)" in told.splitlines()
    assert "not kept" not in run(*PHOTOS, *REGIONS, "--to", "coco", "--out", "new.json")[2]


def test_label_studio_predictions(run: Run) -> None:
    tasks = json.loads(written(run, "label_studio").read_text(encoding="utf-8"))
    meant = answers(run)
    assert [task["data"]["image"] for task in tasks] == [
        "/data/local-files/?d=a.png",
        "/data/local-files/?d=k%C3%BCche/b%201.png",
    ]
    for task, one in zip(tasks, meant, strict=True):
        assert set(task) == {"data", "predictions"}
        (prediction,) = task["predictions"]
        assert prediction["model_version"] == "tiny 3"
        assert [result["type"] for result in prediction["result"]] == ["brushlabels", "polygonlabels", "polygonlabels"]
        for result, region in zip(prediction["result"], one["regions"], strict=True):
            assert result["score"] == pytest.approx(region["score"], abs=1e-6)
            assert result["value"][result["type"]] == [region["material"]]
    assert "Brick" in Path("o.label_config.xml").read_text()


def test_labelme(run: Run) -> None:
    folder = written(run, "labelme")
    content = json.loads((folder / "küche/b 1.json").read_text(encoding="utf-8"))
    assert (folder / "küche" / content["imagePath"]).resolve() == Path("photos/küche/b 1.png").resolve()
    assert [shape["shape_type"] for shape in content["shapes"]] == ["mask", "polygon", "polygon"]
    assert content["shapes"][2]["points"] == POLYGON
    meant = answers(run)[1]["regions"]
    assert [shape["label"] for shape in content["shapes"]] == [region["material"] for region in meant]
    assert [shape["description"] for shape in content["shapes"]] == [f"score {one['score']:.4f}" for one in meant]


@pytest.mark.parametrize("to", WRITTEN)
def test_each_format_is_read_again(to: str, run: Run) -> None:
    """Regions of an annotation file, answered, keep their outlines' pixels and their photos."""
    annotation_file(["Brick"])
    out = OUT.get(to, "o")
    status, _, err = run("--annotations", "photos/set.json", "--to", to, "--out", out)
    assert status == 0, err
    images = None if to in ("label_map", "masks") else "photos"
    again, before = read_annotations(out, images=images), read_annotations("photos/set.json")
    assert again.problems == ()
    if to == "label_map":
        return
    areas = [
        {photo.file: sorted(int(one.shape.cut(SIZE)[0].sum()) for one in photo.annotations) for photo in some.photos}
        for some in (before, again)
    ]
    assert areas[0] == areas[1]


def test_a_soft_mask_is_halved(run: Run) -> None:
    soft = np.zeros(SIZE, np.uint16)
    soft[10:20, 10:20] = 50000
    soft[10:20, 20:30] = 10000
    Image.fromarray(soft).save("soft.png")
    Image.fromarray(soft // 6).save("faint.png")
    run("photos/a.png", "--mask", "soft.png", "--mask", "faint.png", "--to", "coco", "--out", "o.json")
    assert [row["area"] for row in json.loads(Path("o.json").read_text())["annotations"]] == [100, 200]


def test_a_photo_that_is_given_twice_is_written_once(run: Run) -> None:
    photos = ("photos/a.png", "photos/../photos/a.png", "gone.png")
    status, _, _ = run(*photos, *REGIONS, "--to", "yolo", "--out", "o")
    assert status == 1
    assert [path.name for path in Path("o/labels").rglob("*.txt")] == ["a.txt"]


def test_it_is_printed_too_where_that_is_asked_for(run: Run) -> None:
    status, out, _ = run(*PHOTOS, *REGIONS, "--to", "csv", "--out", "o", "--json")
    assert (status, len(out.splitlines())) == (0, 2)
    Path("o").unlink()
    assert run(*PHOTOS, *REGIONS, "--to", "jsonl", "--out", "o", "--csv")[1].startswith("image,region,")


@pytest.mark.parametrize("to", OUTPUTS)
def test_nothing_is_overwritten_and_nothing_half_written(to: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Path(OUT.get(to, "o"))
    out.write_text("mine")
    status, _, err = run(*PHOTOS, "--to", to, "--out", f"{out}")
    assert (status, out.read_text()) == (1, "mine")
    assert err == f"madeof: {out} is there already; give another name, or take it away: nothing is overwritten\n"
    out.unlink()
    before = sorted(Path().iterdir())
    calls = []

    def fail(*given: Any) -> Any:
        calls.append(given)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return answer_regions(*given)

    monkeypatch.setattr("madeof.inference.answer.answer_regions", fail)
    assert run(*PHOTOS, "--to", to, "--out", f"{out}")[0] == 130
    assert len(calls) == 2
    assert sorted(Path().iterdir()) == before


def test_parquet_without_pyarrow(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    status, out, err = run(*PHOTOS, "--to", "parquet", "--out", "o")
    assert (status, out, Path("o").exists()) == (1, "", False)
    assert err == (
        "madeof: writing Parquet needs packages that are not installed: run  pip install 'madeof[parquet]'\n"
    )


@pytest.mark.parametrize("command", [("--to", "coco"), ("--out", "a.json"), ("--to", "voc", "--out", "a")])
def test_wrong_command_lines(command: tuple[str, ...], run: Run, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*PHOTOS, *command)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert "go together" in err or "invalid choice: 'voc'" in err


def test_places_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert places_of([]) == []
    assert places_of(["a/b.png"]) == [(tmp_path / "a", "b.png")]
    assert places_of(["a/b.png", "c/d.png", f"{tmp_path}/a/e/../f.png"]) == [
        (tmp_path, "a/b.png"), (tmp_path, "c/d.png"), (tmp_path, "a/f.png"),
    ]  # fmt: skip


def test_all_formats_are_in_the_registry() -> None:
    assert all(FORMATS[name].writes for name in WRITTEN)
