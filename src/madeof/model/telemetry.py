"""ONNX Runtime and OpenVINO, imported so that they report nothing to anyone.

Both send usage reports, unasked, from the moment at which they are imported, and keep an identifier in the home
folder: ONNX Runtime to Microsoft (builds of 2026 on; older ones on Windows only), OpenVINO to Google Analytics. Nothing
can be done where the program imported them before us; then its own choice stands.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from madeof.errors import MissingExtraError

_OFF = "ORT_DISABLE_TELEMETRY"
_TELEMETRY = "openvino_telemetry"


def import_onnxruntime() -> Any:
    """The package `onnxruntime`, its telemetry off.

    It reads the variable once, when it is imported, and then neither a report nor an identifier is ever made. Its
    function `disable_telemetry_events` comes too late for both, but is all that older builds on Windows know.
    """
    if "onnxruntime" in sys.modules:
        import onnxruntime

        return onnxruntime
    before = os.environ.get(_OFF)
    os.environ[_OFF] = "1" if before is None else before
    try:
        import onnxruntime
    finally:
        if before is None:
            del os.environ[_OFF]
    if before is None:
        onnxruntime.disable_telemetry_events()
    return onnxruntime


def import_openvino() -> Any:
    """The package `openvino`, its telemetry off.

    It requires the package openvino-telemetry, but where that is missing it uses a stub of its own, for as long as the
    process lives: so we let it be missing during the import.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        if "openvino" in sys.modules:
            import openvino
        else:
            with _hidden(_TELEMETRY):
                import openvino
    except ImportError as error:
        raise MissingExtraError("the engine OpenVINO", "openvino") from error
    return openvino


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """While it lasts, importing the module `name` fails."""
    modules: dict[str, Any] = sys.modules
    before = modules.get(name, ...)
    modules[name] = None
    try:
        yield
    finally:
        if before is ...:
            del modules[name]
        else:
            modules[name] = before
