"""LabelMe's old XML: polygons, and masks in files."""

from __future__ import annotations

from pathlib import Path

from format_cases import reasons, save_photo
from PIL import Image
from small_formats import SIZE, SQUARE, check

from madeof.datasets import read_annotations


def test_the_old_xml_of_labelme(tmp_path: Path) -> None:
    save_photo(tmp_path, "Images/house/a.png", SIZE)
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in SQUARE)
    objects = f"<object><name>\nWood\n</name><deleted>0</deleted><polygon>{points}</polygon></object>"
    objects += f"<object><name>Tile</name><deleted>1</deleted><polygon>{points}</polygon></object>"
    marked = "<attributes>old, material=Brick</attributes><segm><mask>a_mask_2.png</mask></segm>"
    objects += f"<object><name>thing</name><deleted>0</deleted>{marked}</object>"
    (tmp_path / "Annotations" / "house").mkdir(parents=True)
    (tmp_path / "Masks" / "house").mkdir(parents=True)
    mask = Image.new("L", (64, 48))
    mask.paste(255, (40, 35, 60, 45))
    mask.save(tmp_path / "Masks" / "house" / "a_mask_2.png")
    text = f"<annotation><filename>a.png</filename><folder>house</folder>{objects}</annotation>"
    (tmp_path / "Annotations" / "house" / "a.xml").write_text(text)
    found = check(tmp_path, "labelme_xml", "house/a.png", ("Wood", 400), ("Brick", 200))
    assert found.left_out == {"deleted objects": 1}
    (tmp_path / "Masks" / "house" / "a_mask_2.png").unlink()
    assert "object 3: its mask a_mask_2.png is not in Masks/" in reasons(read_annotations(tmp_path))[0]
