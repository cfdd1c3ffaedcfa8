"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from made_sam import KINDS, write_sam
from serving import make_app, test_client
from starlette.testclient import TestClient

from madeof.inference.predictor import Predictor
from madeof.serve.sam import Sam


@pytest.fixture
def app(tiny_predictor: Predictor) -> FastAPI:
    return make_app(tiny_predictor)


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return test_client(app)


@pytest.fixture(scope="session")
def sam_paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("sam")
    return {kind: write_sam(folder / str(number), kind) for number, kind in enumerate(KINDS)}


@pytest.fixture(scope="session")
def sam(sam_paths: dict[str, tuple[Path, Path]]) -> Sam:
    return Sam(sam_paths["segment-anything"])
