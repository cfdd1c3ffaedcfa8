"""A predictor in several threads and processes, saved, and by its name."""

from __future__ import annotations

import copy
import pickle
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from made import photo_and_label_map, write_model

import madeof
from madeof import InputError, ModelError, Predictor, WriteError, load
from madeof.model.calibration import Calibration

PHOTOS = [photo_and_label_map(seed, 60, 83)[0] for seed in (1, 2)]
BOX = [(5, 5, 40, 50)]


def test_it_shows_its_model(tiny_predictor: Predictor) -> None:
    assert repr(tiny_predictor) == "Predictor('tiny 3', 4 materials, onnxruntime)"


def test_each_thread_has_the_photo_that_it_set(tiny_predictor: Predictor) -> None:
    wanted = [tiny_predictor.predict(boxes=BOX, encoded=tiny_predictor.encode(photo)).scores for photo in PHOTOS]
    both_are_set = threading.Barrier(2, timeout=60)

    def work(photo: np.ndarray) -> np.ndarray:
        tiny_predictor.set_image(photo)
        both_are_set.wait()
        return tiny_predictor.predict(boxes=BOX).scores

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(work, PHOTOS))
    np.testing.assert_array_equal(found, wanted)
    assert not np.array_equal(wanted[0], wanted[1])


def test_a_photo_of_another_thread_is_none(tiny_model: Path) -> None:
    predictor = load(tiny_model, threads=1)
    predictor.set_image(PHOTOS[0])
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(InputError, match="call set_image first, in this thread, or give encode's result"),
    ):
        pool.submit(predictor.predict).result()
    assert len(predictor.predict()) == 1


@pytest.mark.parametrize("copied", [lambda p: pickle.loads(pickle.dumps(p)), copy.copy, copy.deepcopy])
def test_a_pickled_predictor_answers_the_same(tiny_model: Path, copied: object, tmp_path: Path) -> None:
    predictor = load(tiny_model, threads=1)
    predictor.set_image(PHOTOS[0])
    again = copied(predictor)  # type: ignore[operator]
    assert again._options == {"threads": 1, "engine": "onnxruntime", "zoom": "auto"}
    with pytest.raises(InputError, match="no photo"):
        again.predict()
    wanted = predictor.predict(boxes=BOX).scores
    np.testing.assert_array_equal(again.predict(boxes=BOX, encoded=again.encode(PHOTOS[0])).scores, wanted)


def test_a_pickle_does_not_depend_on_the_folder_it_was_made_in(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(load("model", threads=1))
    monkeypatch.chdir("/")
    assert pickle.loads(data).folder == tmp_path / "model"
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelError, match="there is no model folder"):
        pickle.loads(data)
    write_model(tmp_path / "model", calibration=Calibration(2.0))
    with pytest.raises(ModelError, match=r"holds tiny 3; expected tiny 3 as it was pickled: load it anew"):
        pickle.loads(data)


def test_the_bundled_model_is_pickled_by_its_name() -> None:
    """It lies elsewhere on another machine."""
    assert str(Path(madeof.__file__).parent).encode() not in pickle.dumps(load(threads=1))


def test_save(tiny_predictor: Predictor, tmp_path: Path) -> None:
    where = tiny_predictor.save_pretrained(tmp_path / "saved")
    again = Predictor.from_pretrained(where, threads=1)
    assert again.record == tiny_predictor.record
    np.testing.assert_array_equal(
        again.predict(boxes=BOX, encoded=again.encode(PHOTOS[0])).scores,
        tiny_predictor.predict(boxes=BOX, encoded=tiny_predictor.encode(PHOTOS[0])).scores,
    )
    with pytest.raises(WriteError, match="nothing is overwritten"):
        tiny_predictor.save_pretrained(where)


def test_a_model_that_changed_since_it_was_loaded_is_not_saved(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    predictor = load(tmp_path / "model", threads=1)
    with (tmp_path / "model" / "encoder.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError):
        predictor.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


@pytest.mark.parametrize("option", [{"revision": "v1"}, {"token": "x"}, {"cache_dir": "there"}])
def test_options_of_the_hub_are_not_ignored(tiny_model: Path, option: dict[str, str]) -> None:
    with pytest.raises(InputError, match=rf"got {next(iter(option))} for .*, which is not on the Hub; .* leave it out"):
        load(tiny_model, **option)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="for the bundled model"):
        Predictor.from_pretrained(**option)  # type: ignore[arg-type]
