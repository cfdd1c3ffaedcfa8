"""A model's name -> its folder: the bundled one, a folder, or one on the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

from madeof._util.text import show
from madeof.errors import MissingExtraError, ModelError
from madeof.model.record import LEARNED, MEMORY, RANGES, RECORD

_BUNDLED = Path(__file__).parents[1] / "bundled"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)  # not ../runs


def folder_of(model: str | Path | None) -> Path:
    """The folder of a model as `load` takes it; args and errors are those of `load`."""
    if model is None:
        if not (_BUNDLED / RECORD).is_file():
            raise ModelError(
                f"this installation of madeof has no bundled model (no {show(_BUNDLED / RECORD)}); "
                "install madeof again or name a model folder"
            )
        return _BUNDLED
    if os.path.isdir(model):  # noqa: PTH112  (Path.is_dir raises where a name holds a NUL or is too long)
        return Path(model)
    if isinstance(model, str) and _HUB_NAME.fullmatch(model) and not os.path.lexists(model):
        return _download(model)
    found = f"{show(model)} is a file" if os.path.lexists(model) else f"there is no model folder {show(model)}"
    raise ModelError(f"{found}; expected a folder with {RECORD}, or a Hub name like me/model")


def _download(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        missing = MissingExtraError("getting it from the Hub", "hub")
        raise ModelError(f"there is no model folder {name}, and {missing}") from error
    try:
        return Path(snapshot_download(name, allow_patterns=["model.json", "*.onnx", RANGES, MEMORY, LEARNED]))
    except Exception as error:  # the Hub's client raises its own, requests' and httpx' errors
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"there is no model folder {name}, and the Hub does not give it ({show(lines[0][:300])}); check the name"
        ) from error
