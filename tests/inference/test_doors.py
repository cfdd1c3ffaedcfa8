"""Every door gives the same answer: command line, batch table, HTTP service, Label Studio, and Ray's rows.

A door that has no such kind of region is asked for the same pixels: HTTP and Label Studio know no label map, Label
Studio has run lengths of its own, and the command line takes COCO's from an annotation file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from label_studio_requests import TASK
from serving import HEIGHT, WIDTH, make_app, photo, png, regions, test_client

from madeof.batch.annotator import Kernel
from madeof.batch.ray_data import Classifier
from madeof.batch.sources.opening import open_source
from madeof.batch.tasks import Options
from madeof.cli.main import main
from madeof.datasets.formats.brush import encode
from madeof.inference.predictor import Predictor
from madeof.regions.components import regions_from_label_map
from madeof.regions.raster import from_polygon
from madeof.regions.rle import compress, encode_rle
from madeof.serve.label_studio.options import LabelStudio

BOX = [10, 8, 50, 40]
POLYGON = [[20, 10], [70, 20], [30, 50]]
MATERIALS = ("Brick", "Foliage", "Sky", "Wood")
KINDS = ("box", "polygon", "rle", "mask", "label_map")
INTERFACE = '<View><Image name="image" value="$image"/>' + "".join(
    f'<{tag} name="{tag.lower()}" toName="image">{"".join(f"<Label value={name!r}/>" for name in MATERIALS)}</{tag}>'
    for tag in ("RectangleLabels", "PolygonLabels", "BrushLabels")
)
INTERFACE += "</View>"


class Asked(NamedTuple):
    """A region, or the regions of a label map, in the folder of the photo."""

    kind: str
    folder: Path
    masks: list[np.ndarray[Any, np.dtype[np.bool_]]]
    """What the label map's regions are, or the one mask."""
    model: Path
    predictor: Predictor


Door = Callable[[Asked], list[dict[str, Any]]]


def rle_of(mask: Any) -> dict[str, Any]:
    return {"size": [HEIGHT, WIDTH], "counts": compress(encode_rle(mask, (0, 0), (HEIGHT, WIDTH))).decode()}


def command_line(asked: Asked) -> list[dict[str, Any]]:
    points = " ".join(f"{x},{y}" for x, y in POLYGON)
    given = {
        "box": ["--box", ",".join(map(str, BOX))],
        "polygon": ["--polygon", points],
        "rle": ["--annotations", str(asked.folder / "coco.json")],
        "mask": ["--mask", str(asked.folder / "mask.png")],
        "label_map": ["--label-map", str(asked.folder / "labels.png")],
    }
    out = asked.folder / "answers.jsonl"
    where = ["--model", str(asked.model), "--threads", "1", "--top", "4", "--to", "jsonl", "--out", str(out)]
    assert main(["predict", str(asked.folder / "photo.png"), *given[asked.kind], *where]) == 0
    return list(json.loads(out.read_text())["regions"])


def batch_table(asked: Asked) -> list[dict[str, Any]]:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = asked.folder / "table.parquet"
    parquet.write_table(pa.Table.from_pylist([{"image": "photo.png", **row(asked, as_bytes=False)}]), table)
    ((_, task),) = open_source(str(table))[0].tasks(lambda _: True)
    ((found),) = Kernel(asked.model, Options(to="jsonl", top=4)).answer(task)
    return list(found["regions"])


def ray_rows(asked: Asked) -> list[dict[str, Any]]:
    """What each actor of a cluster does with the rows that it is given."""
    pa = pytest.importorskip("pyarrow")
    kernel = Kernel(asked.model, Options(top=4))
    found = Classifier(kernel)(pa.Table.from_pylist([{"image": photo(), **row(asked, as_bytes=True)}])).to_pylist()
    return [{**one, "box": [one["x0"], one["y0"], one["x1"], one["y1"]]} for one in found]


def row(asked: Asked, as_bytes: bool) -> dict[str, Any]:
    """The column of a table."""
    file = {"mask": "mask.png", "label_map": "labels.png"}.get(asked.kind)
    if file is not None:
        return {asked.kind: (asked.folder / file).read_bytes() if as_bytes else file}
    return {asked.kind: {"box": BOX, "polygon": POLYGON, "rle": json.dumps(rle_of(asked.masks[0]))}[asked.kind]}


def service(asked: Asked) -> list[dict[str, Any]]:
    some = {"box": {"box": BOX}, "polygon": {"polygon": POLYGON}, "rle": {"rle": rle_of(asked.masks[0])}}
    files: list[Any] = [("photo", ("photo.png", photo()))]
    if asked.kind in some:
        files.append(("regions", json.dumps(regions(some[asked.kind]))))
    else:
        files += [("mask", (f"{i}.png", png(mask.astype(np.uint8) * 255))) for i, mask in enumerate(asked.masks)]
    with test_client(make_app(asked.predictor)) as client:
        response = client.post("/v1/predict?top=4", files=files)
    assert response.status_code == 200, response.text
    return list(response.json()["regions"])


def label_studio(asked: Asked) -> list[dict[str, Any]]:
    percent = np.array([100 / WIDTH, 100 / HEIGHT])
    (x, y), (right, bottom) = BOX[:2] * percent, BOX[2:] * percent
    box = {"x": x, "y": y, "width": right - x, "height": bottom - y, "rotation": 0}
    values = {"box": [box], "polygon": [{"points": (POLYGON * percent).tolist()}]}
    brushed = [{"format": "rle", "rle": encode(mask)} for mask in asked.masks]
    kind = {"box": "rectanglelabels", "polygon": "polygonlabels"}.get(asked.kind, "brushlabels")
    drawn = [
        {"id": f"r{i}", "type": kind, "from_name": kind, "to_name": "image", "value": value}
        | {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
        for i, value in enumerate(values.get(asked.kind, brushed))
    ]
    folder = asked.folder / "upload" / "2"
    folder.mkdir(parents=True)
    (folder / "a9955381-coffee_cup.jpg").write_bytes(photo())
    app = make_app(asked.predictor, label_studio=LabelStudio((asked.folder,)))
    with test_client(app) as client:
        given = {"tasks": [TASK], "label_config": INTERFACE, "params": {"context": {"result": drawn}}}
        response = client.post("/predict", json=given)
    assert response.status_code == 200, response.text
    ((told),) = response.json()["results"]
    return [{"material": one["value"][kind][0], "score": round(one["score"], 6)} for one in told["result"]]


@pytest.mark.parametrize("kind", KINDS)
def test_every_door_gives_the_same_answer(
    kind: str, tiny_model: Path, tiny_predictor: Predictor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    labels[5:20, 5:30], labels[30:50, 40:70], labels[2:9, 60:75] = 3, 7, 3
    drawn = from_polygon([(5, 5), (60, 12), (75, 55), (30, 30)], (HEIGHT, WIDTH))
    masks = [region.mask for region in regions_from_label_map(labels)] if kind == "label_map" else [drawn]
    (tmp_path / "photo.png").write_bytes(photo())
    (tmp_path / "mask.png").write_bytes(png(drawn.astype(np.uint8) * 255))
    (tmp_path / "labels.png").write_bytes(png(labels))
    coco = {
        "images": [{"id": 1, "file_name": "photo.png", "height": HEIGHT, "width": WIDTH}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "segmentation": rle_of(drawn)}],
        "categories": [{"id": 1, "name": "Wood"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    asked = Asked(kind, tmp_path, masks, tiny_model, tiny_predictor)  # type: ignore[arg-type]
    doors: list[Door] = [command_line, batch_table, ray_rows, service, label_studio]
    first, *others = [door(asked) for door in doors]
    assert len(first) == (3 if kind == "label_map" else 1)
    assert len({json.dumps(one["top"]) for one in first}) == len(first)  # so that an exchange would be seen
    for found in others:
        for wanted, one in zip(first, found, strict=True):
            for part in ("area", "box", "material", "score", "top"):
                if part in one:
                    assert one[part] == wanted[part]
            assert {"material", "score"} <= one.keys()
    assert all({"area", "box", "top"} <= one.keys() for found in others[:3] for one in found)
