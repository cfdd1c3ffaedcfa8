"""Models by name: the bundled one, a folder, the Hub."""

from __future__ import annotations

import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from madeof.errors import ModelError
from madeof.inference.predictor import load
from madeof.model import hub as module


def test_load_none(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUNDLED", tmp_path)
    with pytest.raises(ModelError, match="this installation of madeof has no bundled model .* name a model folder"):
        load()
    monkeypatch.setattr(module, "_BUNDLED", tiny_model)
    assert load().record.name == "tiny"


def test_load_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    with pytest.raises(ModelError, match=f"there is no model folder {path}; expected a folder with model.json"):
        load(path)
    path.write_bytes(b"PK")
    with pytest.raises(ModelError, match=f"{path} is a file; expected a folder with model.json"):
        load(str(path))
    with pytest.raises(ModelError, match=f"{tmp_path} is not a model folder: it has no model.json"):
        load(tmp_path)
    with pytest.raises(ModelError, match="there is no model folder"):
        load("a\0b")


@pytest.mark.parametrize("name", ["../runs", "./run", "a/b/c", "run", "/nowhere/run", "a b/c", "a/..", "x/y\n"])
def test_what_is_no_hub_name(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    monkeypatch.setattr(module, "_download", lambda _: pytest.fail("asked the Hub"))
    with pytest.raises(ModelError, match=r"^there is no model folder "):
        load(name)


def test_hub_without_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelError) as caught:
        load("someone/stones")
    assert str(caught.value) == (
        "there is no model folder someone/stones, and getting it from the Hub needs packages that are not installed: "
        "run  pip install 'madeof[hub]'"
    )


@pytest.mark.parametrize("fault", [OSError("404\nmore"), ValueError(""), RuntimeError("\n")])
def test_hub_that_fails(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def snapshot_download(*_: Any, **__: Any) -> str:
        raise fault

    fake = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    with pytest.raises(ModelError, match=r"no model folder someone/stones, and the Hub does not give it \(\w+\)"):
        load("someone/stones")


def test_hub(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    calls = []

    def snapshot_download(*args: Any, **kwargs: Any) -> str:
        calls.append((args, kwargs))
        return str(tiny_model)

    fake = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    assert load("someone/stones-1.0").record.name == "tiny"
    patterns = ["model.json", "*.onnx", "ranges.json", "memory.npz", "learned.npz"]
    assert calls == [(("someone/stones-1.0",), {"allow_patterns": patterns})]


def test_a_folder_goes_before_the_hub(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "someone" / "stones")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_download", lambda _: pytest.fail("asked the Hub"))
    assert load("someone/stones").record.name == "tiny"
