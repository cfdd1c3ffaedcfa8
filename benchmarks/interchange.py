"""Each format that we read, beside a second opinion: the areas of the same regions by another library.

    pip install datumaro==1.13.12 supervision==0.31.2 pycocotools==2.0.11 label-studio-sdk==2.1.2 shapely==2.2.0
    pip install cityscapesScripts==2.3.0 opencv-python-headless==4.12.0.88 scikit-image==0.26.0
    python benchmarks/interchange.py [FORMAT ...]

In an environment of its own: the peers bring much with them. Makes small files of one photo (or has the peer write
them), reads them with both, and prints a row for each pair; the exit status is 1 where the areas of any two differ by
more than the tolerance that the row states, and 2 where a peer is missing.
"""

from __future__ import annotations

import base64
import contextlib
import importlib.metadata
import json
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import read_annotations
from madeof.datasets.formats import recognise

Areas = list[tuple[str, int]]
Peer = Callable[[Path], Areas]

HEIGHT, WIDTH = 48, 64
PARTS = {
    "Wood": [(5, 10), (25, 10), (25, 30), (5, 30)],
    "Brick": [(40, 5), (60, 8), (52, 20), (45, 44)],
}
COLOURS = {"Wood": (128, 0, 0), "Brick": (0, 128, 0)}
ROWS: list[tuple[str, str, float, Callable[[Path], Path], Peer]] = []


def row(name: str, peer: str, tolerance: float = 0.0) -> Callable[..., Any]:
    """Add a pair: a function (folder) -> path that makes the input has the peer's reader as its attribute."""

    def add(pair: type) -> type:
        ROWS.append((name, peer, tolerance, pair.make, pair.peer))  # type: ignore[attr-defined]
        return pair

    return add


def mask_of(points: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Our own rule, by centres."""
    from madeof.regions.raster import from_polygon

    return from_polygon(points, (HEIGHT, WIDTH))


def picture(colours: dict[str, tuple[int, int, int]]) -> Image.Image:
    pixels = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    for name, points in PARTS.items():
        pixels[mask_of(points)] = colours[name]
    return Image.fromarray(pixels)


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), "grey").save(path)
    return path


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def coco_content(file: str = "a.jpg") -> dict[str, Any]:
    names = list(PARTS)
    return {
        "images": [{"id": 1, "file_name": file, "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": at, "name": name} for at, name in enumerate(names, start=1)],
        "annotations": [
            {
                "id": at,
                "image_id": 1,
                "category_id": at,
                "iscrowd": 0,
                "area": int(mask_of(PARTS[name]).sum()),
                "bbox": [*np.min(PARTS[name], axis=0).tolist(), *np.ptp(PARTS[name], axis=0).tolist()],
                "segmentation": [[side for point in PARTS[name] for side in point]],
            }
            for at, name in enumerate(names, start=1)
        ],
    }


def datumaro_areas(path: Path, format: str, **options: Any) -> Areas:
    """The masks, outlines and boxes of datumaro: outlines by its own rasteriser, pycocotools."""
    import datumaro as dm
    from pycocotools import mask as masks

    found = dm.Dataset.import_from(str(path), format, **options)
    labels = found.categories().get(dm.AnnotationType.label)
    areas: Areas = []
    for item in found:
        outlined = any(one.type == dm.AnnotationType.polygon for one in item.annotations)
        for one in item.annotations:
            if outlined and one.type == dm.AnnotationType.bbox:  # which datumaro makes of the outlines
                continue
            name = labels[one.label].name if one.label is not None else ""
            if one.type == dm.AnnotationType.polygon:
                area = int(masks.decode(masks.frPyObjects([list(one.points)], HEIGHT, WIDTH)).sum())
            elif one.type == dm.AnnotationType.mask:
                area = int(np.asarray(one.image).astype(bool).sum())
            elif one.type == dm.AnnotationType.bbox:
                area = round(one.w * one.h)
            else:
                continue
            if name.casefold() != "background":
                areas.append((name, area))
    return areas


def supervision_areas(found: Any) -> Areas:
    areas: Areas = []
    for _, _, some in found:
        masks = some.mask if some.mask is not None else [np.ones(round(float(area))) for area in some.area]
        areas += [
            (found.classes[kind], int(np.asarray(mask).sum())) for kind, mask in zip(some.class_id, masks, strict=True)
        ]
    return areas


@row("coco", "pycocotools", 0.01)
class Coco:
    def make(root: Path) -> Path:
        photo(root / "a.jpg")
        return write(root / "f.json", coco_content())

    def peer(path: Path) -> Areas:
        from pycocotools.coco import COCO

        found = COCO(str(path))
        return [
            (found.cats[one["category_id"]]["name"], int(found.annToMask(one).sum())) for one in found.anns.values()
        ]


@row("coco", "datumaro", 0.01)
class RoboflowFolder:
    def make(root: Path) -> Path:
        photo(root / "train" / "a.jpg")
        write(root / "train" / "_annotations.coco.json", coco_content())
        return root

    def peer(path: Path) -> Areas:
        return datumaro_areas(path, "roboflow_coco")


@row("coco", "datumaro")
class Panoptic:
    def make(root: Path) -> Path:
        photo(root / "images" / "val" / "a.jpg")
        folder = root / "annotations" / "panoptic_val"
        folder.mkdir(parents=True)
        picture({"Wood": (1, 2, 0), "Brick": (7, 0, 1)}).save(folder / "a.png")
        ids = ((1 + 256 * 2, 1), (7 + 65536, 2))
        segments = [
            {"id": one, "category_id": kind, "iscrowd": 0, "area": 1, "bbox": [0, 0, 1, 1]} for one, kind in ids
        ]
        content = coco_content()
        for one in content["categories"]:
            one["isthing"] = 1
        content["annotations"] = [{"image_id": 1, "file_name": "a.png", "segments_info": segments}]
        write(root / "annotations" / "panoptic_val.json", content)
        return root

    def peer(path: Path) -> Areas:
        return datumaro_areas(path, "coco_panoptic")


@row("voc", "supervision", 0.13)
class VocPolygons:
    def make(root: Path) -> Path:
        import supervision as sv

        photo(root / "images" / "a.jpg")
        write(root / "f.json", coco_content())
        given = sv.DetectionDataset.from_coco(str(root / "images"), str(root / "f.json"), force_masks=True)
        given.as_pascal_voc(annotations_directory_path=str(root / "Annotations"))
        (root / "f.json").unlink()
        return root

    def peer(path: Path) -> Areas:
        import supervision as sv

        return supervision_areas(
            sv.DetectionDataset.from_pascal_voc(str(path / "images"), str(path / "Annotations"), force_masks=True)
        )


@row("colour_map", "datumaro")
class VocMasks:
    def make(root: Path) -> Path:
        photo(root / "JPEGImages" / "a.jpg")
        for folder in ("SegmentationClass", "SegmentationObject"):
            (root / folder).mkdir()
            picture(COLOURS).save(root / folder / "a.png")
        lines = "".join(f"{name}:{','.join(map(str, colour))}::\n" for name, colour in COLOURS.items())
        write(root / "labelmap.txt", f"# label:color_rgb:parts:actions\nbackground:0,0,0::\n{lines}")
        write(root / "ImageSets" / "Segmentation" / "default.txt", "a\n")
        return root

    def peer(path: Path) -> Areas:
        return datumaro_areas(path, "voc_segmentation")


@row("cvat", "datumaro", 0.01)
class Cvat:
    def make(root: Path) -> Path:
        import datumaro as dm

        items = [
            dm.Polygon([float(side) for point in points for side in point], label=at)
            for at, points in enumerate(PARTS.values())
        ]
        image = dm.Image.from_numpy(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
        item = dm.DatasetItem("a", media=image, annotations=items)
        dm.Dataset.from_iterable([item], categories=list(PARTS)).export(str(root), "cvat", save_media=True)
        return root

    def peer(path: Path) -> Areas:
        return datumaro_areas(path, "cvat")


@row("yolo", "supervision", 0.13)
class Yolo:
    def make(root: Path) -> Path:
        photo(root / "images" / "a.jpg")
        names = list(PARTS)
        lines = [
            f"{names.index(name)} " + " ".join(f"{x / WIDTH:.8f} {y / HEIGHT:.8f}" for x, y in points)
            for name, points in PARTS.items()
        ]
        write(root / "labels" / "a.txt", "\n".join(lines))
        write(root / "data.yaml", f"names: [{', '.join(names)}]\nnc: 2\n")
        return root

    def peer(path: Path) -> Areas:
        import supervision as sv

        found = sv.DetectionDataset.from_yolo(
            str(path / "images"), str(path / "labels"), str(path / "data.yaml"), force_masks=True
        )
        return supervision_areas(found)


@row("labelme", "supervision", 0.13)
class Labelme:
    def make(root: Path) -> Path:
        photo(root / "a.jpg")
        shapes = [{"label": name, "points": points, "shape_type": "polygon"} for name, points in PARTS.items()]
        size = {"imageHeight": HEIGHT, "imageWidth": WIDTH, "imageData": None, "flags": {}}
        return write(root / "a.json", {"version": "5.5.0", "imagePath": "a.jpg", "shapes": shapes, **size}).parent

    def peer(path: Path) -> Areas:
        import supervision as sv

        return supervision_areas(sv.DetectionDataset.from_labelme(str(path), str(path), force_masks=True))


@row("labelme_xml", "datumaro", 0.01)
class LabelmeXml:
    def make(root: Path) -> Path:
        photo(root / "a.jpg")
        objects = "".join(
            f"<object><name>{name}</name><deleted>0</deleted><verified>0</verified><occluded>no</occluded>"
            f"<attributes></attributes><parts><hasparts></hasparts><ispartof></ispartof></parts><id>{at}</id><polygon>"
            f"{''.join(f'<pt><x>{x}</x><y>{y}</y></pt>' for x, y in points)}<username>u</username></polygon></object>"
            for at, (name, points) in enumerate(PARTS.items())
        )
        size = f"<imagesize><nrows>{HEIGHT}</nrows><ncols>{WIDTH}</ncols></imagesize>"
        write(root / "a.xml", f"<annotation><filename>a.jpg</filename><folder></folder>{objects}{size}</annotation>")
        return root

    def peer(path: Path) -> Areas:
        return datumaro_areas(path, "label_me")


@row("open_images", "datumaro")
class OpenImages:
    def make(root: Path) -> Path:
        photo(root / "images" / "train" / "0a.jpg")
        rows, boxes, codes = [], [], dict(zip(PARTS, ("/m/083vt", "/m/01x"), strict=True))
        (root / "masks" / "train").mkdir(parents=True)
        for at, (name, points) in enumerate(PARTS.items()):
            code, box = codes[name], f"{at:08x}"
            file = f"0a_{code[1:].replace('/', '')}_{box}.png"
            Image.fromarray(mask_of(points)).save(root / "masks" / "train" / file)
            (x0, y0), (x1, y1) = np.min(points, axis=0) / (WIDTH, HEIGHT), np.max(points, axis=0) / (WIDTH, HEIGHT)
            rows.append(f"{file},0a,{code},{box},{x0},{x1},{y0},{y1},0.9,")
            boxes.append(f"0a,xclick,{code},1,{x0},{x1},{y0},{y1},0,0,0,0,0")
        head = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"
        folder = root / "annotations"
        write(folder / "train-annotations-object-segmentation.csv", "\n".join([head, *rows]) + "\n")
        head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
        head += "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"
        write(folder / "oidv6-train-annotations-bbox.csv", "\n".join([head, *boxes]) + "\n")
        lines = "".join(f"{code},{name}\n" for name, code in codes.items())
        write(folder / "oidv6-class-descriptions.csv", f"LabelName,DisplayName\n{lines}")
        return root

    def peer(path: Path) -> Areas:
        import datumaro as dm

        found = dm.Dataset.import_from(str(path), "open_images")
        labels = found.categories().get(dm.AnnotationType.label)
        masks = [one for item in found for one in item.annotations if one.type == dm.AnnotationType.mask]
        names = {"/m/083vt": "Wood", "/m/01x": "Brick"}  # it keeps the codes
        return [(names[labels[one.label].name], int(np.asarray(one.image).astype(bool).sum())) for one in masks]


def ade(root: Path) -> Path:
    folder = root / "training" / "kitchen"
    photo(folder / "ADE_train_1.jpg")
    picture({"Wood": (0, 1, 60), "Brick": (0, 2, 120)}).save(folder / "ADE_train_1_seg.png")
    return folder


@row("ade_full", "datumaro")
class Ade2017:
    def make(root: Path) -> Path:
        lines = [f'{at:03} # 0 # 0 # {name} # {name} # ""' for at, name in enumerate(PARTS, start=1)]
        write(ade(root) / "ADE_train_1_atr.txt", "\n".join(lines) + "\n")
        return root

    def peer(path: Path) -> Areas:
        return datumaro_areas(path, "ade20k2017")


@row("ade_full", "datumaro")
class Ade2021:
    def make(root: Path) -> Path:
        folder, objects = ade(root), []
        (folder / "ADE_train_1").mkdir()
        for at, (name, points) in enumerate(PARTS.items(), start=1):
            Image.fromarray(mask_of(points).astype(np.uint8) * 255).save(
                folder / "ADE_train_1" / f"instance_{at:03}_ADE_train_1.png"
            )
            file = f"ADE_train_1/instance_{at:03}_ADE_train_1.png"
            more = {
                "attributes": [],
                "raw_name": name,
                "parts": {"part_level": 0, "hasparts": []},
                "occluded": "no",
                "crop": False,
            }
            sides = {"x": [x for x, _ in points], "y": [y for _, y in points]}
            objects.append({"id": at, "name": name, "name_ndx": at, "instance_mask": file, "polygon": sides, **more})
        content = {
            "filename": "ADE_train_1.jpg",
            "folder": "training/kitchen",
            "imsize": [HEIGHT, WIDTH, 3],
            "object": objects,
        }
        write(folder / "ADE_train_1.json", {"annotation": content})
        return root

    def peer(path: Path) -> Areas:
        # It gives a class's mask, an object's mask and its outline: here all three are one region.
        import datumaro as dm

        found = dm.Dataset.import_from(str(path), "ade20k2020")
        labels = found.categories().get(dm.AnnotationType.label)
        some = [one for item in found for one in item.annotations if one.type == dm.AnnotationType.mask]
        return sorted({(labels[one.label].name, int(np.asarray(one.image).astype(bool).sum())) for one in some})


@row("cityscapes", "cityscapesScripts", 0.03)
class Cityscapes:
    def make(root: Path) -> Path:
        photo(root / "leftImg8bit" / "val" / "bonn" / "bonn_000000_000001_leftImg8bit.png")
        objects = [{"label": "road", "polygon": PARTS["Wood"]}, {"label": "car", "polygon": PARTS["Brick"]}]
        objects.append({"label": "sky", "polygon": [[20, 25], [45, 25], [45, 29], [20, 29]]})
        content = {"imgHeight": HEIGHT, "imgWidth": WIDTH, "objects": objects}
        write(root / "gtFine" / "val" / "bonn" / "bonn_000000_000001_gtFine_polygons.json", content)
        return root

    def peer(path: Path) -> Areas:
        from cityscapesscripts.helpers.annotation import Annotation
        from cityscapesscripts.helpers.labels import name2label
        from cityscapesscripts.preparation.json2labelImg import createLabelImage

        annotation = Annotation()
        annotation.fromJsonFile(str(next(path.rglob("*_polygons.json"))))
        image = np.asarray(createLabelImage(annotation, "ids"))
        return [(name, int((image == name2label[name].id).sum())) for name in ("road", "car", "sky")]


@row("supervisely", "opencv-python-headless", 0.03)
class Supervisely:
    def make(root: Path) -> Path:
        import io

        photo(root / "set" / "img" / "a.jpg")
        file = io.BytesIO()
        Image.fromarray(mask_of(PARTS["Brick"])[5:44, 40:60]).save(file, "PNG")
        bitmap = {"data": base64.b64encode(zlib.compress(file.getvalue())).decode(), "origin": [40, 5]}
        objects = [
            {"classTitle": "Wood", "geometryType": "polygon", "points": {"exterior": PARTS["Wood"], "interior": []}},
            {"classTitle": "Brick", "geometryType": "polygon", "points": {"exterior": PARTS["Brick"], "interior": []}},
            {
                "classTitle": "Wood",
                "geometryType": "rectangle",
                "points": {"exterior": [[3, 4], [9, 8]], "interior": []},
            },
            {
                "classTitle": "Brick",
                "geometryType": "bitmap",
                "bitmap": bitmap,
                "points": {"exterior": [], "interior": []},
            },
        ]
        for one in objects:
            one |= {"tags": [], "description": "", "labelerLogin": "", "createdAt": "", "updatedAt": ""}
        content = {"description": "", "tags": [], "size": {"height": HEIGHT, "width": WIDTH}, "objects": objects}
        write(root / "set" / "ann" / "a.jpg.json", content)
        return root

    def peer(path: Path) -> Areas:
        """As the SDK's `_draw_impl` of each geometry draws it, which needs all of the SDK."""
        import cv2

        areas: Areas = []
        for one in json.loads(next(path.rglob("ann/*.json")).read_text())["objects"]:
            canvas, points = np.zeros((HEIGHT, WIDTH), dtype=np.uint8), one["points"]["exterior"]
            if one["geometryType"] == "polygon":
                cv2.fillPoly(canvas, pts=[np.array(points)], color=1)
            elif one["geometryType"] == "rectangle":
                cv2.rectangle(canvas, points[0], points[1], 1, cv2.FILLED)
            else:
                png = np.frombuffer(zlib.decompress(base64.b64decode(one["bitmap"]["data"])), np.uint8)
                canvas = (cv2.imdecode(png, cv2.IMREAD_UNCHANGED) > 0).astype(np.uint8)
            areas.append((one["classTitle"], int(canvas.sum())))
        return areas


@row("isat", "scikit-image", 0.13)
class Isat:
    def make(root: Path) -> Path:
        photo(root / "a.jpg")
        objects = [
            {
                "category": name,
                "group": at,
                "segmentation": points,
                "layer": at,
                "area": 1,
                "bbox": [],
                "iscrowd": False,
            }
            for at, (name, points) in enumerate(PARTS.items(), start=1)
        ]
        hole = {
            "category": "__background__",
            "group": 9,
            "segmentation": [[10, 15], [20, 15], [20, 25], [10, 25]],
            "layer": 9,
        }
        info = {
            "description": "ISAT",
            "folder": "",
            "name": "a.jpg",
            "width": WIDTH,
            "height": HEIGHT,
            "depth": 3,
            "note": "",
        }
        return write(root / "a.json", {"info": info, "objects": [*objects, hole]}).parent

    def peer(path: Path) -> Areas:
        """As ISAT/formats/voc.py of isat-sam 1.5.2 draws them: the objects by layer, each by skimage.draw.polygon."""
        from skimage.draw import polygon

        objects = json.loads((path / "a.json").read_text())["objects"]
        canvas = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
        for at, one in enumerate(sorted(objects, key=lambda one: one["layer"]), start=1):
            points = np.array(one["segmentation"])
            canvas[polygon(points[:, 1], points[:, 0], canvas.shape)] = at
        return [(name, int((canvas == at).sum())) for at, name in enumerate(PARTS, start=1)]


@row("geojson", "shapely", 0.03)
class GeoJson:
    def make(root: Path) -> Path:
        photo(root / "a.jpg")
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Polygon", "coordinates": [[*points, points[0]]]},
                "properties": {"objectType": "annotation", "classification": {"name": name}},
            }
            for name, points in PARTS.items()
        ]
        return write(root / "a.geojson", {"type": "FeatureCollection", "features": features})

    def peer(path: Path) -> Areas:
        from shapely.geometry import shape

        features = json.loads(path.read_text())["features"]
        return [(one["properties"]["classification"]["name"], round(shape(one["geometry"]).area)) for one in features]


@row("label_studio_brush", "label-studio-sdk")
class LabelStudioBrush:
    def make(root: Path) -> Path:
        from label_studio_sdk.converter.brush import convert_task, encode_rle

        photo(root / "a.jpg")
        size = {"original_width": WIDTH, "original_height": HEIGHT}
        results = []
        for name, points in PARTS.items():
            rle = encode_rle(np.repeat(mask_of(points).astype(np.uint8).ravel() * 255, 4))
            results.append({"type": "brushlabels", "rle": rle, "brushlabels": [name], **size})
        task = {"id": 3, "annotation_id": 5, "completed_by": {"email": "me@home.org"}, "output": {"tag": results}}
        convert_task(task, str(root), out_format="png")
        write(root / "tasks.json", [{"id": 3, "data": {"image": "a.jpg"}}])
        return root

    def peer(path: Path) -> Areas:
        files = sorted(path.glob("task-*.png"))
        return [(file.stem.split("-")[-2], int((np.asarray(Image.open(file)) >= 128).sum())) for file in files]


def ours(path: Path) -> Areas:
    annotations = read_annotations(path)
    assert not annotations.problems, annotations.problems
    areas: Areas = []
    for one in annotations.photos:
        areas += [(each.material, int(each.cut((HEIGHT, WIDTH))[0].sum())) for each in one.annotations]
    return areas


def main() -> int:
    status = 0
    print("| format | second opinion | version | regions | ours | theirs | tolerance |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, peer, tolerance, make, read in ROWS:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        try:
            version = importlib.metadata.version(peer)
        except importlib.metadata.PackageNotFoundError:
            print(f"{peer} is not installed; see --help's first lines", file=sys.stderr)
            return 2
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder))
            assert recognise(path) == name, (recognise(path), name)
            with contextlib.redirect_stdout(sys.stderr):  # some peers print
                both = ours(path), read(path)
            mine, theirs = (sorted((one.casefold(), area) for one, area in some) for some in both)
        same = [one for one, _ in mine] == [one for one, _ in theirs]
        near = same and all(abs(a - b) <= tolerance * b for (_, a), (_, b) in zip(mine, theirs, strict=True))
        status = status if near else 1
        shown = [", ".join(str(area) for _, area in some) for some in (mine, theirs)]
        print(
            f"| {name} | {peer} | {version} | {len(mine)} | {shown[0]} | {shown[1]} | {tolerance:.0%} |",
            "" if near else "DIFFER",
        )
    return status


if __name__ == "__main__":
    if {"-h", "--help"} & {*sys.argv}:
        print(__doc__)
        sys.exit(0)
    sys.exit(main())
