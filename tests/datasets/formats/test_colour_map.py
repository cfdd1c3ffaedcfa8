"""Label maps in colours: Pascal VOC, CVAT, CamVid; NumPy's files, and names of masks that are no materials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from format_cases import reasons, regions_of, save_photo
from PIL import Image
from small_formats import SIZE, found, picture, save

from madeof.datasets import open_dataset, read_annotations
from madeof.datasets.formats import recognise
from madeof.errors import DatasetError

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
