"""What several tests of report/html share."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser
from typing import Any

import numpy as np
from PIL import Image

from madeof.datasets import RegionDataset
from madeof.evaluation.report.html import page
from madeof.evaluation.run import Evaluation

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """A page's text, tags and attributes; every tag must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        return [found for name, found in self.tags if name == tag and wanted.items() <= found.items()]


def written(evaluation: Evaluation, dataset: Any = None) -> Page:
    text = page(evaluation, dataset)
    assert text is not None
    return Page(text)


def from_dataset(dataset: RegionDataset, *, materials: tuple[str, ...] | None = None) -> Evaluation:
    """An evaluation of every region that is wrong in every second one; random scores."""
    regions = dataset.regions
    random = np.random.default_rng(0)
    names = materials or dataset.materials
    truth = [dataset.materials[number] for number in regions.material]
    scores = random.dirichlet(np.ones(len(names)), len(truth)).astype(np.float32)
    for row, name in enumerate(truth):
        if row % 2 and name in names:
            scores[row] = np.roll(np.sort(scores[row])[::-1], names.index(name))
    return Evaluation(
        model="made 1",
        materials=names,
        digest=dataset.digest,
        photos=tuple(dataset.photos.name),
        photo=regions.photo.astype(np.int64),
        region=np.arange(len(truth)),
        area=np.full(len(truth), 900),
        box=np.zeros((len(truth), 4), dtype=np.int64),
        truth=tuple(truth),
        scores=scores,
        quality=random.random(len(truth)).astype(np.float32),
    )


def pictures(found: Page) -> list[Image.Image]:
    kind = "data:image/jpeg;base64,"
    sources = [image["src"] for image in found.of("img") if image["src"].startswith(kind)]
    return [Image.open(io.BytesIO(base64.b64decode(source.removeprefix(kind)))) for source in sources]
