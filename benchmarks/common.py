"""What the benchmarks of speed and memory share: made photos and regions, the machine in words, writing into a page."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from madeof._util import files
from madeof.errors import MadeofError
from madeof.inference.predictor import Predictor, load
from madeof.model.onnx_engine import ENGINES
from madeof.regions.region import Region

PICTURES = ("coffee", "rocket", "astronaut", "chelsea")  # of scikit-image, all free of rights (CC0)
_GRAIN = 5.0  # standard deviation, of 255: enlarged pictures alone would be quicker to decode than photos
_LIBRARIES = ("numpy", "pillow", "simplejpeg", "onnxruntime", "openvino", "torch", "timm")


def make_photo(path: Path, width: int, height: int) -> Path:
    """A JPEG (quality 90, 4:2:0) of four pictures of scikit-image, enlarged, with grain."""
    from skimage import data

    halves = (width - width // 2, height - height // 2)
    photo = Image.new("RGB", (width, height))
    for i, name in enumerate(PICTURES):
        picture = Image.fromarray(getattr(data, name)()).convert("RGB")
        photo.paste(picture.resize(halves, Image.Resampling.BICUBIC), ((i % 2) * halves[0], (i // 2) * halves[1]))
    pixels, random = np.array(photo), np.random.default_rng(0)
    for top in range(0, height, 512):  # in strips: the grain of a whole large photo would be 600 MB
        strip = pixels[top : top + 512]
        grain = random.standard_normal(strip.shape, dtype=np.float32) * _GRAIN
        strip[:] = np.clip(strip + grain, 0, 255)
    Image.fromarray(pixels).save(path, quality=90)
    return path


def make_regions(width: int, height: int, count: int, *, low: float = 0.05, high: float = 0.5) -> list[Region]:
    """Ellipses whose axes are between `low` and `high` of the photo's sides, each held as its cut-out."""
    random = np.random.default_rng(1)
    regions = []
    for i in range(count):
        w, h = (max(3, round(side * random.uniform(low, high))) for side in (width, height))
        x, y = (int(random.integers(0, side - own + 1)) for side, own in ((width, w), (height, h)))
        regions.append(Region(f"ellipse {i}", ellipse(w, h), corner=(x, y), photo_size=(height, width)))
    return regions


def ellipse(width: int, height: int) -> NDArray[np.bool_]:
    """(height, width) bool, True in the ellipse that touches all four sides."""
    down, across = (((np.arange(n) + 0.5) / n * 2 - 1) ** 2 for n in (height, width))
    return down[:, np.newaxis] + across <= 1


def load_engines(model: Path | None, notes: list[str]) -> dict[str, Predictor]:
    """A predictor of one thread for each engine that this machine and model can run; adds to `notes`."""
    found: dict[str, Predictor] = {}
    for engine in ENGINES:
        try:
            found[engine] = load(model, threads=1, engine=engine)
        except MadeofError as error:
            notes.append(f"not measured: {engine} ({without_folders(str(error))}).")
    return found


def without_folders(message: str) -> str:
    """A message for a page, which is not to tell of this machine's folders."""
    return re.sub(r"(?:[A-Za-z]:|~)?[/\\]\S*[/\\]", "", message)[:160]


def machine() -> str:
    """The processor and the versions of what runs, in one sentence."""
    name = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).is_file():
        text = info.read_text()
        name = next(iter(re.findall(r"^model name\s*: (.*)$", text, re.MULTILINE)), name)
        known = set(next(iter(re.findall(r"^flags\s*: (.*)$", text, re.MULTILINE)), "").split())
        shown = [
            word for word in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8") if word in known
        ]
        name += f" ({', '.join(shown)})"
    versions = []
    for library in _LIBRARIES:
        try:
            versions.append(f"{library} {importlib.metadata.version(library)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {library}")
    return f"{name}; {platform.system()}, Python {platform.python_version()}, {', '.join(versions)}"


def publish(text: str, name: str, page: Path | None) -> None:
    """Print Markdown, and write it between `<!-- measured: NAME -->` and `<!-- end -->` of a page.

    Raises:
        SystemExit: the page has no such lines.
    """
    print(text)
    if page is None:
        return
    block = re.compile(rf"(<!-- measured: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    filled, count = block.subn(lambda m: f"{m[1]}{text}\n{m[2]}", page.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{page} has {count} blocks <!-- measured: {name} --> ... <!-- end -->; expected one: add it")
    files.write_text(page, filled)


def fresh(region: Region) -> Region:
    """The same region without what it remembers of itself (area, box), as a caller brings it."""
    return Region(region.name, region.cut, corner=region.corner, photo_size=region.photo_size)
