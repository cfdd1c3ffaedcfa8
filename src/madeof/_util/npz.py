"""Small files of named arrays in a model folder: NumPy's .npz, uncompressed, read without trusting anything in it."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from madeof._util.text import show
from madeof.errors import ModelError

_WHEN = (1980, 1, 1, 0, 0, 0)  # the same arrays make the same bytes


def array_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The arrays as a file that `read_arrays` and `numpy.load` read."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            npy.write_array(part, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _WHEN), part.getvalue())
    return buffer.getvalue()


def read_arrays(data: bytes, path: Path, wanted: Mapping[str, tuple[str, int]]) -> dict[str, NDArray[Any]]:
    """Read what `array_bytes` made. No more memory is asked for than the file itself has bytes.

    Args:
        data: the file.
        path: its name, for messages.
        wanted: each array's dtype, such as "<f4", and number of dimensions.

    Raises:
        ModelError: it is no such file, an array is missing, of another kind, not whole, or holds what is not finite.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = sorted(archive.namelist())
            if names != sorted(f"{name}.npy" for name in wanted):
                raise ModelError(f"it holds {show(', '.join(names)[:200])}; expected {', '.join(sorted(wanted))}")
            return {name: _read(archive, name, *kind) for name, kind in wanted.items()}
    except ModelError as error:
        raise ModelError(f"{show(path)}: {error}: export the model again") from error
    except Exception as error:  # zipfile and NumPy's parser raise a dozen classes on damaged bytes
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"{show(path)} is not a file of arrays ({show(lines[0][:200])}): export the model again"
        ) from error


def _read(archive: zipfile.ZipFile, name: str, dtype: str, dimensions: int) -> NDArray[Any]:
    entry = archive.getinfo(f"{name}.npy")
    if entry.compress_type != zipfile.ZIP_STORED:  # a few bytes could become gigabytes
        raise ModelError(f"the array {name} is compressed; expected it as it is")
    with archive.open(entry) as stream:
        content = io.BytesIO(stream.read())
    if npy.read_magic(content) != (1, 0):
        raise ModelError(f"the array {name} is of another version of NumPy's format; expected 1.0")
    shape, fortran, found = npy.read_array_header_1_0(content)
    if found != np.dtype(dtype) or len(shape) != dimensions or fortran:
        raise ModelError(f"the array {name} is {found} of {len(shape)} dimensions; expected {dtype} of {dimensions}")
    rest = content.read()
    if any(type(side) is not int or side < 0 for side in shape) or math.prod(shape) * found.itemsize != len(rest):
        raise ModelError(f"the array {name} has {len(rest)} bytes, not those of its shape {str(shape)[:60]}")
    values: NDArray[Any] = np.frombuffer(rest, dtype=found).reshape(shape)
    if found.kind == "f" and not np.isfinite(values).all():
        raise ModelError(f"the array {name} holds values that are not finite numbers")
    return values
