"""Models by name: the bundled one, folders, and the Hugging Face Hub."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_endpoint import Hub, serve_hub

from madeof import InputError, MissingExtraError, ModelError, Predictor, load
from madeof.model import hub


def test_load_none(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_BUNDLED", tmp_path)
    with pytest.raises(ModelError, match="this installation of madeof has no bundled model .* name a model folder"):
        load()
    monkeypatch.setattr(hub, "_BUNDLED", tiny_model)
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
    monkeypatch.setattr(hub, "_download", lambda *_: pytest.fail("asked the Hub"))
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
    asked = {"revision": None, "token": None, "cache_dir": None, "allow_patterns": patterns}
    assert calls == [(("someone/stones-1.0",), asked)]


def test_a_folder_goes_before_the_hub(monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "someone" / "stones")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "_download", lambda *_: pytest.fail("asked the Hub"))
    assert load("someone/stones").record.name == "tiny"


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Hub]:
    with serve_hub() as found:
        yield found


def ask(endpoint: Hub, tmp_path: Path, code: str) -> str:
    """What code prints in a process whose Hub is this one; the Hub's client reads its address when it is imported."""
    surroundings = {**os.environ, "HF_ENDPOINT": endpoint.address, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": ""}
    surroundings["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", f"import madeof\n{code}"], capture_output=True, text=True, env=surroundings, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_to_the_hub_and_back_with_its_own_client(endpoint: Hub, tiny_model: Path, tmp_path: Path) -> None:
    pushed = ask(
        endpoint,
        tmp_path,
        f"predictor = madeof.load({str(tiny_model)!r}, threads=1)\n"
        "for message in ('first', 'second'):\n"
        "    print(predictor.push_to_hub('me/stones', token='hf_secret', private=True, commit_message=message))",
    ).split()
    first, second = endpoint.commits["me/stones"]
    assert pushed == [f"{endpoint.address}/me/stones/commit/{sha}" for sha in (first, second)]
    held = endpoint.commits["me/stones"][second]
    assert held.keys() >= {"model.json", "encoder.onnx", "classifier.onnx"}
    assert held["encoder.onnx"] == (tiny_model / "encoder.onnx").read_bytes()
    assert endpoint.private == {"me/stones": True}
    assert endpoint.messages == ["first", "second"]
    assert endpoint.tokens >= {"Bearer hf_secret"}
    got = ask(
        endpoint,
        tmp_path,
        f"predictor = madeof.Predictor.from_pretrained('me/stones', revision={first!r}, token='hf_other', "
        f"cache_dir={str(tmp_path / 'cache')!r}, threads=1)\n"
        "print(predictor.folder, repr(predictor), sep='\\n')",
    ).splitlines()
    assert Path(got[0]).is_relative_to(tmp_path / "cache")
    assert first in got[0]
    assert got[1] == "Predictor('tiny 3', 4 materials, onnxruntime)"
    assert "Bearer hf_other" in endpoint.tokens


def test_a_revision_that_is_not_there(endpoint: Hub, tmp_path: Path) -> None:
    endpoint.commits["me/stones"] = {"a" * 40: {"model.json": b"{}"}}
    said = ask(
        endpoint,
        tmp_path,
        "try:\n    madeof.load('me/stones', revision='v9')\nexcept madeof.ModelError as error:\n    print(error)",
    )
    assert said.startswith("there is no model folder me/stones, and the Hub does not give it at v9 (")


def test_a_hub_that_refuses(endpoint: Hub, tiny_model: Path, tmp_path: Path) -> None:
    said = ask(
        endpoint,
        tmp_path,
        f"predictor = madeof.load({str(tiny_model)!r}, threads=1)\n"
        "try:\n    predictor.push_to_hub('me/stones', revision='nowhere')\n"
        "except madeof.ServiceError as error:\n    print(error)",
    )
    assert said.startswith("the Hub does not take me/stones (")


@pytest.mark.parametrize("name", ["stones", "../stones", "me/a/b", ""])
def test_names_that_the_hub_does_not_know(tiny_predictor: Predictor, name: str) -> None:
    with pytest.raises(InputError, match="expected a name like me/model"):
        tiny_predictor.push_to_hub(name)


def test_pushing_without_the_client(tiny_predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'madeof\[hub\]'"):
        tiny_predictor.push_to_hub("me/stones")
