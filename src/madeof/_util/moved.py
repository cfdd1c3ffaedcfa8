"""Import paths of version 0.1.0 that moved. They work until 0.3, with a DeprecationWarning."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "madeof.crosswalk": "madeof.materials.crosswalk",
    "madeof.overlay": "madeof.viz.overlay",
    "madeof.predictor": "madeof.inference.predictor",
    "madeof.preprocess": "madeof.model.preprocess",
    "madeof.ray": "madeof.batch.ray_data",
    "madeof.record": "madeof.model.record",
    "madeof.report": "madeof.evaluation.report",
    "madeof.sets": "madeof.metrics.conformal",
}
"""Old path -> new path, of the modules that the documentation of 0.1.0 named."""


class Moved:  # a MetaPathFinder and a Loader; `importlib.abc`, which has both, takes 10 ms to load
    """Finds modules by their old paths: each is an empty module that looks names up in the new one."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module that moved; None for all others."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the module to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Warn, and let the module's names be those of the new one."""
        import importlib
        import warnings

        new = MOVED[module.__name__]
        warnings.warn(f"{module.__name__} is now {new}", DeprecationWarning, stacklevel=2)
        real = importlib.import_module(new)
        vars(module).update({name: value for name, value in vars(real).items() if not name.startswith("__")})
