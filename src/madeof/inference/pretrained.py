"""A loaded model as a thing of its own: from a name, to a folder, to the Hugging Face Hub, to another process."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from madeof._util.text import show
from madeof.errors import ModelError
from madeof.model.hub import folder_of, is_bundled, upload
from madeof.model.record import Record, copy_model


class Pretrained:
    """Base class of predictors: a model folder, loaded with some options."""

    folder: Path
    record: Record
    materials: tuple[str, ...]
    _options: dict[str, Any]

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path | None = None,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        **options: Any,
    ) -> Self:
        """Load a model; args and errors are those of `madeof.load`, `options` those of the predictor."""
        folder = folder_of(model, revision=revision, token=token, cache_dir=cache_dir)
        return cls(folder, **options)  # type: ignore[call-arg]

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the model to a new folder, whole or not at all; `madeof.load` takes it.

        Args:
            folder: what does not exist yet, or is empty.

        Returns:
            the folder.

        Raises:
            ModelError: a file of the model changed since it was loaded.
            WriteError: there is something at `folder`, or it cannot be written.
        """
        copy_model(self.folder, self.record, folder)
        return Path(folder)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        token: str | bool | None = None,
        private: bool | None = None,
        revision: str | None = None,
        commit_message: str = "Upload a madeof model",
        create_pr: bool = False,
    ) -> str:
        """Put the model on the Hugging Face Hub (extra `hub`); `madeof.load(repo_id)` takes it from there.

        Args:
            repo_id: such as "me/stones"; it is made where it does not exist.
            token: of the Hub; None takes the one of `hf auth login`.
            private: whether a new repository is private; None as the account has it.
            revision: the branch, which exists; None for the main one.
            commit_message: of the commit.
            create_pr: open a pull request.

        Returns:
            the commit's address.

        Raises:
            ModelError: a file of the model changed since it was loaded.
            ServiceError: the Hub cannot be reached, or refuses.
            MissingExtraError: the Hub's client is not installed.
        """
        return upload(
            self.folder, self.record, repo_id, token=token, private=private, revision=revision,
            commit_message=commit_message, create_pr=create_pr,
        )  # fmt: skip

    def __repr__(self) -> str:
        title, count = show(self.record.title), len(self.materials)
        return f"{type(self).__name__}({title!r}, {count} materials, {self._options['engine']})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle its folder and options; the other process loads it again, without the photo that was set."""
        folder = None if is_bundled(self.folder) else self.folder.absolute()
        return _again, (type(self), folder, self.record, self._options)


def _again(kind: Any, folder: Path | None, record: Record, options: dict[str, Any]) -> Pretrained:
    """A predictor that was pickled.

    Raises:
        ModelError: its folder is not there, or holds another model by now.
    """
    found: Pretrained = kind(folder_of(folder), **options)
    if found.record != record:
        where = "the bundled model" if folder is None else f"the model folder {show(folder)}"
        raise ModelError(
            f"{where} holds {show(found.record.name)} {show(found.record.version)}; expected "
            f"{show(record.name)} {show(record.version)} as it was pickled: load it anew"
        )
    return found
