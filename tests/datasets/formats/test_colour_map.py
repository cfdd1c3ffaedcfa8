"""Label maps in colours: Pascal VOC, CVAT, CamVid, panoptic COCO, the full ADE20K, and Open Images' masks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import reasons, regions_of, save_photo, write_json
from numpy.typing import NDArray
from PIL import Image

from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats import recognise
from madeof.errors import DatasetError

SIZE = 48, 64
BOXES = ((5, 10, 25, 30), (40, 35, 60, 45))
"""400 and 200 pixels."""


def picture(*colours: tuple[int, int, int], size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """A picture with BOXES in these colours."""
    pixels = np.zeros((*size, 3), dtype=np.uint8)
    for (x0, y0, x1, y1), colour in zip(BOXES, colours, strict=False):
        pixels[y0:y1, x0:x1] = colour
    return pixels


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def found(path: Path) -> dict[str, list[tuple[str, int]]]:
    annotations = read_annotations(path)
    assert not annotations.problems
    return {photo: sorted(regions) for photo, regions in regions_of(annotations, SIZE).items()}


BOTH = [("Brick", 200), ("Wood", 400)]


@pytest.mark.parametrize(
    ("photos", "maps", "name", "text"),
    [
        ("JPEGImages", "SegmentationClass", "labelmap.txt", "# label:color_rgb:parts:actions\nbackground:0,0,0::\n"),
        ("images", "labels", "labelmap.txt", "background:0,0,0::\n"),
        ("images", "masks", "class_dict.csv", "name,r,g,b\n"),
        ("images", "labels", "label_colors.txt", "0 0 0 Void\n"),
    ],
)
def test_a_list_of_colours(photos: str, maps: str, name: str, text: str, tmp_path: Path) -> None:
    lines = {"labelmap.txt": "{}:{},{},{}::", "class_dict.csv": "{},{},{},{}", "label_colors.txt": "{1} {2} {3} {0}"}
    classes = (("Wood", 0, 128, 0), ("Brick", 128, 0, 0))
    (tmp_path / name).write_text(text + "".join(lines[name].format(*one) + "\n" for one in classes))
    save_photo(tmp_path / photos, "a.png", SIZE)
    save_photo(tmp_path / photos, "b.png", SIZE)
    save(tmp_path / maps / "a.png", picture((0, 128, 0), (128, 0, 0)))
    assert recognise(tmp_path) == "colour_map"
    assert found(tmp_path) == {"a.png": BOTH}
    annotations = read_annotations(tmp_path)
    assert annotations.materials == ("Wood", "Brick")
    assert annotations.left_out == {f"photos without a label map in {maps}": 1}
    # A palette file shows the same colours, whatever its numbers.
    palette = Image.fromarray(picture((0, 128, 0), (128, 0, 0))).quantize(8)
    palette.save(tmp_path / maps / "a.png")
    assert found(tmp_path) == {"a.png": BOTH}
    save(tmp_path / maps / "a.png", picture((0, 128, 0), (1, 2, 3)))
    with pytest.raises(DatasetError, match=rf"the colours #010203 \(200 px\) are not in {name}: add their names"):
        open_dataset(tmp_path)


def test_colours_without_a_list_are_refused(tmp_path: Path) -> None:
    save_photo(tmp_path / "images", "a.png", SIZE)
    (tmp_path / "materials.csv").write_text("id,name\n1,Wood\n128,Brick\n")
    save(tmp_path / "labels" / "a.png", picture((0, 128, 0), (128, 0, 0)))
    for arguments in ({"path": tmp_path}, {"path": tmp_path, "format": "label_map"}):
        with pytest.raises(DatasetError, match="is in colours: its channels differ; expected the number"):
            open_dataset(**arguments)
    both: dict[str, Any] = {"images": tmp_path / "images", "labels": tmp_path / "labels"}
    with pytest.raises(DatasetError, match="is in colours"):
        open_dataset(**both, materials=tmp_path / "materials.csv")
    # The red channel is the number in label maps of OpenSurfaces alone.
    save(tmp_path / "labels" / "a.png", picture((3, 128, 0), (4, 0, 0)))
    assert open_dataset(**both, materials="opensurfaces").regions.area.tolist() == [400, 200]
    (tmp_path / "colours.csv").write_text("red_color,substance_name\n3,Wood\n4,Brick\n")
    assert open_dataset(**both, materials=tmp_path / "colours.csv").regions.area.tolist() == [400, 200]
    # Equal channels are grey.
    save(tmp_path / "labels" / "a.png", picture((1, 1, 1), (128, 128, 128)))
    assert open_dataset(tmp_path).regions.area.tolist() == [400, 200]


def test_pascal_voc_with_boxes_and_label_maps(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_photo(tmp_path / "JPEGImages", f"{name}.png", SIZE)
        box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax><ymax>10</ymax></bndbox>"
        text = f"<annotation><filename>{name}.png</filename><object><name>cat</name>{box}</object></annotation>"
        (tmp_path / "Annotations").mkdir(exist_ok=True)
        (tmp_path / "Annotations" / f"{name}.xml").write_text(text)
    # Two objects of one class that touch, and the border around them.
    classes, objects = np.zeros((*SIZE, 3), np.uint8), np.zeros((*SIZE, 3), np.uint8)
    classes[10:20, 10:40] = (64, 0, 0)  # a cat by VOC's own colours
    objects[10:20, 10:25], objects[10:20, 25:40] = (128, 0, 0), (0, 128, 0)
    for pixels in (classes, objects):
        pixels[9, 10:40] = (224, 224, 192)
    save(tmp_path / "SegmentationClass" / "a.png", classes)
    save(tmp_path / "SegmentationObject" / "a.png", objects)
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Segmentation" / "val.txt").write_text("a\n")
    assert recognise(tmp_path) == "voc"
    assert found(tmp_path) == {"a.png": [("cat", 150), ("cat", 150)], "b.png": [("cat", 100)]}
    annotations = read_annotations(tmp_path)
    assert annotations.left_out == {"boxes of photos that have a label map in SegmentationClass": 1}
    assert [photo.details.split for photo in annotations.photos] == ["val", ""]
    # Without objects each connected blob is a region.
    (tmp_path / "SegmentationObject").rename(tmp_path / "other")
    assert found(tmp_path)["a.png"] == [("cat", 300)]


def panoptic(**more: Any) -> dict[str, Any]:
    segments = [{"id": 70000, "category_id": 1}, {"id": 300, "category_id": 2, "iscrowd": 0}]
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "Wood"}, {"id": 2, "name": "Brick"}],
        "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": segments, **more}],
    }


def test_panoptic_coco(tmp_path: Path) -> None:
    save_photo(tmp_path / "images", "a.png", SIZE)
    ids = picture((70000 % 256, 70000 // 256 % 256, 70000 // 65536), (300 % 256, 300 // 256, 0))
    path = write_json(tmp_path / "panoptic_val2017.json", panoptic())
    problem = "annotations[0]: its a.png is not in panoptic_val2017/, panoptic/, masks/ nor beside "
    assert problem in reasons(read_annotations(path))[0]
    save(tmp_path / "panoptic_val2017" / "a.png", ids)
    assert found(path) == {"a.png": BOTH}
    assert sorted(open_dataset(path).regions.area.tolist()) == [200, 400]
    write_json(path, panoptic(segments_info=[{"id": 5, "category_id": 1}, {"id": "x"}]))
    assert "a segment is {'id': 'x'}; expected an object with an id" in reasons(read_annotations(path))[0]
    write_json(path, panoptic(segments_info=[{"id": 5, "category_id": 1}]))
    with pytest.raises(DatasetError, match=r"no pixel of a\.png has its id 5"):
        open_dataset(path)


@pytest.mark.parametrize("year", [2017, 2021])
def test_the_full_ade20k(year: int, tmp_path: Path) -> None:
    folder = tmp_path / "training" / "kitchen"
    save_photo(folder, "ADE_train_1.jpg", SIZE)
    # Classes 2978 and 5, objects 17 and 90: R = class // 256 * 10, G = class % 256, B tells objects apart.
    save(folder / "ADE_train_1_seg.png", picture((2978 // 256 * 10, 2978 % 256, 17), (0, 5, 90)))
    save(folder / "ADE_train_1_parts_1.png", picture((0, 5, 90)))
    if year == 2017:
        lines = ["001 # 0 # 0 # Wood # wood, timber # ", "002 # 0 # 1 # Brick # brick # ", "003 # 1 # 0 # door # d # "]
        (folder / "ADE_train_1_atr.txt").write_text("\n".join(lines))
    else:
        objects: list[dict[str, Any]] = [{"id": 0, "name": "Wood", "name_ndx": 2978, "parts": {"part_level": 0}}]
        objects += [{"id": 1, "name": "Brick", "name_ndx": 5}, {"name_ndx": 9, "parts": {"part_level": 1}}]
        write_json(folder / "ADE_train_1.json", {"annotation": {"filename": "ADE_train_1.jpg", "object": objects}})
    assert recognise(tmp_path) == "ade_full"
    assert found(tmp_path) == {"training/kitchen/ADE_train_1.jpg": BOTH}
    assert read_annotations(tmp_path).photos[0].details.split == "train"
    assert len(open_dataset(tmp_path).regions) == 2


def test_open_images(tmp_path: Path) -> None:
    save_photo(tmp_path / "images", "0a1b.jpg", SIZE)
    for name, box in zip(("0a1b_m083vt_11.png", "0a1b_m01xx_22.png"), BOXES, strict=True):
        mask = np.zeros(SIZE, dtype=bool)
        mask[box[1] : box[3], box[0] : box[2]] = True
        save(tmp_path / "masks" / name, mask)
    lines = [f"0a1b_{code}_{box}.png,0a1b,/m/{code[1:]},{box}" for code, box in (("m083vt", 11), ("m01xx", 22))]
    table = tmp_path / "validation-annotations-object-segmentation.csv"
    table.write_text("\n".join(["MaskPath,ImageID,LabelName,BoxID", *lines, "gone.png,0a1b,/m/083vt,33"]))
    (tmp_path / "oidv7-class-descriptions.csv").write_text("LabelName,DisplayName\n/m/083vt,Wood\n")
    assert recognise(tmp_path) == "open_images"
    annotations = read_annotations(tmp_path)
    assert regions_of(annotations, SIZE) == {"0a1b.jpg": [("Wood", 400)]}
    assert annotations.photos[0].details.split == "val"
    told = [reason.partition(": ")[2] for reason in reasons(annotations)]
    assert told == [
        "line 3: no class-descriptions CSV here names the class '/m/01xx'",
        "line 4: the mask gone.png is not there",
    ]
    # A mask of another size is stretched.
    half = np.zeros((24, 32), dtype=bool)
    half[5:15, 3:13] = True
    save(tmp_path / "masks" / "0a1b_m083vt_11.png", half)
    assert regions_of(read_annotations(table), SIZE)["0a1b.jpg"] == [("Wood", 400)]


def test_masks_and_label_maps_of_numpy(tmp_path: Path) -> None:
    save_photo(tmp_path / "set" / "images", "a.png", SIZE)
    values = picture((1, 1, 1), (2, 2, 2))[..., 0]
    (tmp_path / "set" / "labels").mkdir()
    (tmp_path / "set" / "materials.csv").write_text("id,name\n1,Wood\n2,Brick\n")
    np.save(tmp_path / "set" / "labels" / "a.npy", values.astype(np.int64))
    assert sorted(open_dataset(tmp_path / "set").regions.area.tolist()) == [200, 400]
    save_photo(tmp_path / "masks", "a.png", SIZE)
    np.savez_compressed(tmp_path / "masks" / "a_Wood.npz", mask=values == 1)
    np.save(tmp_path / "masks" / "a_Brick.npy", values == 2)
    assert found(tmp_path / "masks") == {"a.png": BOTH}


def test_words_that_are_no_materials_in_names_of_masks(tmp_path: Path) -> None:
    save_photo(tmp_path, "a.jpg", SIZE)
    words = ("jpg", "segmentation", "mask", "m083vt", "m083vt_9f3e2d1c", "seg_1")
    for name in (f"a{'.' if word in ('jpg', 'segmentation') else '_'}{word}.png" for word in words):
        save(tmp_path / name, picture((255, 255, 255))[..., 0] > 0)
    assert recognise(tmp_path) is None
    save(tmp_path / "a_Wood.png", picture((255, 255, 255))[..., 0] > 0)
    annotations = read_annotations(tmp_path)
    assert regions_of(annotations, SIZE) == {"a.jpg": [("Wood", 400)]}
    assert len(annotations.problems) == 6
    assert all("which is no material" in reason for reason in reasons(annotations))
    # Two photos of one name: whose the mask is cannot be told.
    save_photo(tmp_path, "a.jpeg", SIZE)
    assert "a.jpeg, a.jpg share a name, and with it their masks: keep one" in json.dumps(
        reasons(read_annotations(tmp_path))
    )
