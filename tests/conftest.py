"""What several tests share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets_conversion import Run, place, small_set
from datasets_inspection import Inspect, square
from format_cases import save_photo, write_json
from inference_segmentation import Judge
from made import photo_and_label_map, write_dataset, write_model
from PIL import Image

from madeof.cli.arguments import WRITTEN
from madeof.cli.main import main
from madeof.datasets.formats import FORMATS
from madeof.inference.predictor import Predictor


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of twelve photos."""
    return write_dataset(tmp_path_factory.mktemp("data") / "set")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with random weights. Do not write into it."""
    return write_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="session")
def tiny_predictor(tiny_model: Path) -> Predictor:
    """A predictor with that model, one thread. Set no image: use `encode`."""
    return Predictor(tiny_model, threads=1)


@pytest.fixture
def run_convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Run `madeof convert` in this process and in an empty folder -> status, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*command: object) -> tuple[int, str]:
        status = main(["convert", *map(str, command)])
        out, err = capsys.readouterr()
        assert out == ""
        return status, err

    return run


@pytest.fixture(scope="session")
def formats_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos/ and the small set in each of the formats."""
    folder = tmp_path_factory.mktemp("sources")
    photos = small_set(folder / "photos")
    for format in WRITTEN:
        FORMATS[format].writer.write(photos, place(folder, format))
    return folder


@pytest.fixture
def run_inspect(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Inspect:
    """Inspect `madeof inspect` in an empty folder -> status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*command: object) -> tuple[int, str, str]:
        status = main(["inspect", "--model", str(tiny_model), *map(str, command)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def inspected_coco(run_inspect: Inspect) -> Path:
    """A COCO file with everything to find in it."""
    save_photo(Path("images"), "a.png", (30, 40))
    save_photo(Path("images"), "b.png", (60, 80))
    save_photo(Path("images"), "none.png", (30, 40))
    names = ["Wood", " wood", "Tile", "tiles", "Wax", "Nowhere"]
    content = {
        "licenses": [{"id": 1, "name": "CC0"}],
        "images": [
            {"id": 1, "file_name": "a.png", "license": 1},
            {"id": 2, "file_name": "b.png"},
            {"id": 3, "file_name": "gone.png"},
            {"id": 4, "file_name": "none.png"},
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [
            *(square(number, 1, number) for number in range(5)),
            *(square(10 + number, 2, number, 40) for number in range(3)),
            square(20, 2, 0, 2),
            {"id": 21, "image_id": 1, "category_id": 0, "segmentation": [[900, 900, 950, 900, 900, 950]]},
            {"id": 22, "image_id": 1, "category_id": 0, "keypoints": [1, 1, 2]},
            {"id": 23, "image_id": 1, "category_id": 0, "caption": "A chair."},
        ],
    }
    return write_json(Path("set.json"), content)


@pytest.fixture(scope="session")
def second_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another head than `tiny_model`, of the same materials."""
    return write_model(tmp_path_factory.mktemp("model") / "second", architecture={"hidden": 24, "context": "photo"})


@pytest.fixture(scope="session")
def combined_model(
    tiny_model: Path, second_model: Path, tiny_dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("combined") / "both"
    runs = ["--run", str(tiny_model), "--run", str(second_model)]
    assert main(["combine", str(tiny_dataset), *runs, "--out", str(out), "--name", "both"]) == 0
    return out


@pytest.fixture
def photo_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    photo, labels = photo_and_label_map(3)
    Image.fromarray(photo).save("photo.png")
    Image.fromarray(labels).save("labels.png")
    return tmp_path


@pytest.fixture
def map_judge(tiny_predictor: Predictor) -> Judge:
    return Judge(tiny_predictor.record)


@pytest.fixture(scope="session")
def learning_places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for models that learn."""
    return tmp_path_factory.mktemp("learning")


@pytest.fixture(scope="session")
def learning_model(learning_places: Path) -> Path:
    """A small model that can learn; the data set that it remembers lies beside it."""
    from learning_models import write_learning_model  # which needs PyTorch

    return write_learning_model(learning_places / "model", learning_places / "data")


@pytest.fixture(scope="session")
def learning_taught(learning_model: Path, learning_places: Path) -> tuple[Path, Any]:
    """A folder that has learned Terrazzo from five examples, and its `LearningResult`."""
    from few_shot_learning import EXAMPLES

    import madeof

    out = learning_places / "taught"
    return out, madeof.learn(out, add={"Terrazzo": EXAMPLES}, model=learning_model, threads=1)


@pytest.fixture(scope="session")
def batch_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photos with label maps; the fourth is cut off."""
    folder = write_dataset(tmp_path_factory.mktemp("batch") / "set", photos=10, val=0)
    photo = folder / "images" / "p3.png"
    photo.write_bytes(photo.read_bytes()[:500])
    return folder
