"""The settings of a training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_training import SMALL
from training_run import train

from madeof.errors import ConfigError
from madeof.training import Config
from madeof.training.config import RENAMED


def test_a_setting_that_cannot_work_leaves_the_folder_free(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    for wrong in (f"backbone_weights={tmp_path}/none.safetensors", "backbone=resnet17", "min_photos=500"):
        assert train(tiny_dataset, out, wrong) == 1
        assert len(capsys.readouterr().err.splitlines()) == 2  # the size of the data set, the error
    assert train(tiny_dataset, out, "head_epochs=1", "epochs=0") == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lern_rate=1", "there is no setting 'lern_rate'"),
        ("bach=4", "did you mean 'batch'?"),
        ("lr=fast", "lr is 'fast'; expected a number"),
        ("batch=2.5", "batch is 2.5; expected a whole number"),
        ("net=MaskEverywhere", "expected one of 'MaskAtPooling', 'MaskAtStem'"),
        ("crop=100", "expected a multiple of 32"),
        ("dropout=1.5", "expected a share"),
        ("attention=-1", "attention is -1; expected 0 or more"),
        ("strides=[]", "expected a list"),
        ("strides=[4, 64]", "strides has 64; expected some of 4, 8, 16, 32"),
        ("copy_paste=2", "copy_paste is 2.0; expected a share from 0 to 1"),
        ("context=moon", "expected one of 'none', 'ring', 'photo'"),
        ("side=8", "side is 8; expected 32 to"),
        ("where=image", "where='image' goes only with merge='blackout'"),
        ("nonsense", "expected key=value"),
    ],
)
def test_wrong_settings(override: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["net=MaskAtStem"] if override.startswith("where") else SMALL
    assert train(tmp_path, tmp_path / "run", override, base=base) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_attention_of_one_map_is_refused_before_anything_is_made(
    tiny_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tiny_dataset, tmp_path / "run", "attention=2", "strides=[16]") == 1
    assert "attention is 2 with strides [16]; expected two or more" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_config_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('lr = 1e-4\nstrides = [8, 16]\nbackbone = "resnet18"\n')
    config = Config.load(tmp_path / "a.toml", ["lr=2", "backbone=regnetx_002"])
    assert (config.lr, config.strides, config.backbone) == (2.0, [8, 16], "regnetx_002")
    (tmp_path / "b.toml").write_text("lr = = 3")
    with pytest.raises(ConfigError, match=r"cannot read the config .*b.toml"):
        Config.load(tmp_path / "b.toml")
    with pytest.raises(ConfigError, match="no such file|No such file"):
        Config.load(tmp_path / "c.toml")


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_old_names_of_settings_still_work(old: str, new: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    default = getattr(Config(), new)
    value = {str: "resnet18", bool: not default, list: ["home"], int: 3, float: 0.25}[type(default)]
    assert getattr(Config.load(before={old: value}), new) == value
    assert not caplog.records  # a run of before is resumed without a word
    assert getattr(Config.load(None, [f"{old}={json.dumps(value)}"]), new) == value
    assert caplog.messages == [f"the setting {old} is now called {new}; the old name works until 0.3"]
    (tmp_path / "both.toml").write_text(f"{old} = {json.dumps(value)}\n{new} = {json.dumps(value)}\n")
    with pytest.raises(ConfigError, match=f"got both '{old}' and '{new}'"):
        Config.load(tmp_path / "both.toml")


def test_config_is_json_beside_the_run(trained: Path) -> None:
    assert json.loads((trained / "config.json").read_text())["config"]["backbone"] == "test_efficientnet"
