"""Where the photos of Label Studio's tasks may come from: the operator's folders and Label Studio, and nothing else."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from label_studio_photos import read, why_not
from serving import photo

from madeof.serve.label_studio.options import LabelStudio
from madeof.serve.label_studio.photos import Photos


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("/data/local-files/?d=a%20b/%C3%BC.png", b"local"),
        ("/data/local-files?d=a b/ü.png", b"local"),
        ("/data/local-files/?d=/a b\\ü.png", b"local"),  # as Windows writes it; a leading slash counts for nothing
        ("/data/upload/3/0f3a-x.png", b"uploaded"),
        ("upload/3/0f3a-x.png", b"uploaded"),
        ("/storage-data/uploaded/?filepath=upload/3/0f3a-x.png", b"uploaded"),
    ],
)
def test_photos_in_a_folder(folder: Path, tmp_path: Path, text: str, data: bytes) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert read(Photos(LabelStudio((empty, folder)), 1000), text) == data


def test_the_name_is_the_file_s(folder: Path) -> None:
    photos = Photos(LabelStudio((folder,)), 1000)
    assert photos.read("/data/local-files/?d=a%20b/%C3%BC.png", lambda: None).name == "ü.png"


@pytest.mark.parametrize(
    "text",
    [
        "/data/local-files/?d=../secret.png",
        "/data/local-files/?d=a%20b/../../secret.png",
        "/data/local-files/?d=%2e%2e/secret.png",
        "/data/local-files/?d=..\\secret.png",
        "/data/local-files/?d=./secret.png",
        "/data/local-files/?d=a//b.png",
        "/data/local-files/?d=",
        "/data/local-files/",
        "/data/local-files/?d=a%00.png",
        "/data/local-files/?d=a%0a.png",
        "/data/upload/3/..",
        "/data/upload/3/%2e%2e%2f%2e%2e%2fsecret.png",
        "/data/upload/3/..\\secret.png",
        "/storage-data/uploaded/?filepath=upload/3/..",
        "/storage-data/uploaded/?filepath=../secret.png",
    ],
)
def test_paths_that_climb_are_refused(folder: Path, text: str) -> None:
    said = why_not(Photos(LabelStudio((folder,)), 1000), text)
    assert "expected one without . or .. or an empty part" in said or "expected /data/local-files/" in said


def test_the_whole_disk_is_no_folder(folder: Path, tmp_path: Path) -> None:
    photos = Photos(LabelStudio((folder,)), 1000)
    assert "there is no photo" in why_not(photos, f"/data/local-files/?d={tmp_path}/secret.png")
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=" + "a" * 5000)


def test_links_that_lead_out_are_refused_and_those_inside_are_not(folder: Path, tmp_path: Path) -> None:
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "far").symlink_to(tmp_path)
    (folder / "in.png").symlink_to(folder / "a b" / "ü.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    photos = Photos(LabelStudio((folder,)), 1000)
    assert "is a link that leads out of its folder" in why_not(photos, "/data/local-files/?d=out.png")
    assert "is a link that leads out of its folder" in why_not(photos, "/data/local-files/?d=far/secret.png")
    assert read(photos, "/data/local-files/?d=in.png") == b"local"
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=loop.png")


def test_what_is_no_file_or_too_large(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    (folder / "large.png").write_bytes(bytes(1_000_001))
    photos = Photos(LabelStudio((folder,)), 1_000_000)
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=pipe.png")
    assert "there is no photo" in why_not(photos, "/data/local-files/?d=a%20b")
    assert "large.png has 1.0 MB; expected 1 MB at most" in why_not(photos, "/data/local-files/?d=large.png")


@pytest.mark.parametrize(
    "text",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://example.com/a.jpg",
        "http://localhost:8080@example.com/data/upload/3/a.jpg",
        "http://localhost:80/data/upload/3/0f3a-x.png",
        "https://localhost:8080/data/upload/3/0f3a-x.png",
        "//localhost:8080/data/upload/3/0f3a-x.png",
        "http://localhost:8080/studio2/data/upload/3/0f3a-x.png",
        "s3://bucket/a.jpg",
        "gs://bucket/a.jpg",
        "file:///etc/passwd",
        "/etc/passwd",
        "a.jpg",
        "/api/users",
        "/data/upload/../../api/users",
        "/data/upload/x/a.jpg",
        "http://[::1/a",
        "http://localhost:99999/",
        "http://localhost:8080/studio/api/users",
        "/data/local-files/?" + "d=a&" * 100,
        "",
        None,
        7,
        ["/data/upload/3/0f3a-x.png"],
        "data:text/html;base64,AAAA",
        "data:image/png,AAAA",
        "data:image/png;base64,A",
        "data:image/png;base64,ü",
    ],
)
def test_other_places_are_refused(folder: Path, text: object) -> None:
    photos = Photos(LabelStudio((folder,), "http://localhost:8080/studio"), 1000)
    assert why_not(photos, text).startswith(("the photo", "the task has no photo"))


def test_nothing_is_fetched_and_no_file_read_unless_the_operator_says_so() -> None:
    said = why_not(Photos(LabelStudio(), 1000), "/data/upload/3/x.png")
    assert said == (
        "the photo is /data/upload/3/x.png, which Label Studio has: name its folder with --label-studio-photos, or "
        "its address with --label-studio-url and a key in LABEL_STUDIO_API_KEY"
    )


def test_a_photo_in_the_task_itself() -> None:
    text = base64.b64encode(photo()).decode()
    assert read(Photos(LabelStudio(), 1000), f"data:image/png;base64,{text}") == photo()
