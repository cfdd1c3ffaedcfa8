"""Models by name: the bundled one, a folder, or one on the Hugging Face Hub, from there and to there."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from madeof._util.text import show
from madeof.errors import InputError, MadeofError, MissingExtraError, ModelError, ServiceError
from madeof.model.record import LEARNED, MEMORY, RANGES, RECORD, Record, copy_model

_BUNDLED = Path(__file__).parents[1] / "bundled"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)  # not ../runs


def folder_of(
    model: str | Path | None,
    *,
    revision: str | None = None,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
) -> Path:
    """The folder of a model as `load` takes it; args and errors are those of `load`."""
    on_hub = isinstance(model, str) and _HUB_NAME.fullmatch(model) and not os.path.lexists(model)
    if not on_hub and (stray := _given(revision=revision, token=token, cache_dir=cache_dir)):
        what = "the bundled model" if model is None else f"{show(model)}, which is not on the Hub"
        raise InputError(f"got {stray} for {what}; expected it with a name like me/model: leave it out")
    if model is None:
        if not (_BUNDLED / RECORD).is_file():
            raise ModelError(
                f"this installation of madeof has no bundled model (no {show(_BUNDLED / RECORD)}); "
                "install madeof again or name a model folder"
            )
        return _BUNDLED
    if os.path.isdir(model):  # noqa: PTH112  (Path.is_dir raises where a name holds a NUL or is too long)
        return Path(model)
    if isinstance(model, str) and on_hub:
        return _download(model, revision, token, cache_dir)
    found = f"{show(model)} is a file" if os.path.lexists(model) else f"there is no model folder {show(model)}"
    raise ModelError(f"{found}; expected a folder with {RECORD}, or a Hub name like me/model")


def is_bundled(folder: Path) -> bool:
    """Whether a folder is that of the bundled model."""
    return folder == _BUNDLED


def upload(
    folder: Path,
    record: Record,
    repo_id: str,
    *,
    token: str | bool | None,
    private: bool | None,
    revision: str | None,
    commit_message: str,
    create_pr: bool,
) -> str:
    """Put a model folder on the Hub; args and errors are those of `Predictor.push_to_hub`."""
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingExtraError("putting a model on the Hub", "hub") from error
    if not _HUB_NAME.fullmatch(repo_id):
        raise InputError(f"the repository is {show(repr(repo_id))}; expected a name like me/model")
    with tempfile.TemporaryDirectory() as place:
        copy_model(folder, record, Path(place) / "model")
        try:
            hub = HfApi(token=token)
            hub.create_repo(repo_id, private=private, exist_ok=True)
            told = hub.upload_folder(
                repo_id=repo_id, folder_path=Path(place) / "model", commit_message=commit_message, revision=revision,
                create_pr=create_pr,
            )  # fmt: skip
        except Exception as error:  # see _download
            if isinstance(error, MadeofError):
                raise
            raise ServiceError(
                f"the Hub does not take {repo_id} ({_first_line(error)}); check name and token"
            ) from error
    return str(told.pr_url if create_pr else told.commit_url)


def _given(**options: object) -> str | None:
    """The name of the first option that is not None."""
    return next((name for name, value in options.items() if value is not None), None)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return show(lines[0][:300])


def _download(name: str, revision: str | None, token: str | bool | None, cache_dir: str | Path | None) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        missing = MissingExtraError("getting it from the Hub", "hub")
        raise ModelError(f"there is no model folder {name}, and {missing}") from error
    try:
        patterns = ["model.json", "*.onnx", RANGES, MEMORY, LEARNED]
        return Path(
            snapshot_download(name, revision=revision, token=token, cache_dir=cache_dir, allow_patterns=patterns)
        )
    except Exception as error:  # the Hub's client raises its own, requests' and httpx' errors
        at = f" at {show(revision)}" if revision else ""
        raise ModelError(
            f"there is no model folder {name}, and the Hub does not give it{at} ({_first_line(error)}); check the name"
        ) from error
