"""The original's net, written here as he wrote it, against ours on the same trained file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import madeof
from madeof.cli.main import main
from madeof.errors import ModelError
from madeof.materials.lists import OPENSURFACES
from madeof.nets import libraries
from madeof.nets.original import read_original

MEAN = np.array([123.68, 116.779, 103.939])
# (channels of each place, how his forward uses them)
VARIANTS: dict[str, tuple[list[int], bool]] = {
    "add-stem": ([64], False),
    "multiply-stem": ([64], False),
    "both-stem": ([64], True),
    "add-all": ([64, 256, 512, 1024, 2048], False),
    "multiply-all": ([64, 256, 512, 1024, 2048], False),
    "both-all": ([64, 256, 512, 1024, 2048], True),
    "add-stage3": ([1024, 2048], False),
    "multiply-stage3": ([1024, 2048], False),
    "blackout-image": ([], False),
    "blackout-stem": ([], False),
    "blackout-stage3": ([], False),
}
QUICK = ("add-stem", "multiply-stage3", "blackout-image")  # of each way of merging one; all of them in .ci/run


class Reference(nn.Module):
    """The original's twelve nets, read from his `forward`s (arXiv 1812.00291, repository of the same author)."""

    def __init__(self, kind: str, outputs: int = 44) -> None:
        super().__init__()
        self.merge, self.where = kind.split("-")
        depths, both = VARIANTS[kind]
        self.Net = libraries.torchvision.models.resnet50(weights=None)
        self.Net.fc = nn.Linear(2048, outputs)
        self.ValeLayers = nn.ModuleList()
        for depth in depths:
            for _ in range(2 if both else 1):
                self.ValeLayers.append(nn.Conv2d(1, depth, 3, padding=1))

    def attend(self, x: Tensor, mask: Tensor, number: int) -> Tensor:
        mask = F.interpolate(mask, size=x.shape[2:4], mode="bilinear")
        if self.merge == "both":
            return x * self.ValeLayers[2 * number](mask) + self.ValeLayers[2 * number + 1](mask)
        if self.merge == "multiply":
            return x * self.ValeLayers[number](mask)
        return x + self.ValeLayers[number](mask) if self.merge == "add" else x * mask

    def forward(self, image: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]) -> Tensor:
        x = torch.from_numpy(((image - MEAN) / 65).astype(np.float32).transpose(2, 0, 1)[None])
        roi = torch.from_numpy(mask.astype(np.float32))[None, None]
        net, where = self.Net, self.where
        if where == "image":
            x = x * roi
        x = net.conv1(x)
        if where in ("stem", "all"):
            x = self.attend(x, roi, 0)
        x = net.layer1(net.maxpool(net.relu(net.bn1(x))))
        for number, layer in enumerate([net.layer2, net.layer3, net.layer4]):
            if where == "all":
                x = self.attend(x, roi, 1 + number)
            if where == "stage3" and number == 2:
                x = self.attend(x, roi, 0)
            x = layer(x)
        if where == "all":
            x = self.attend(x, roi, 4)
        return net.fc(x.mean(dim=(2, 3))).softmax(dim=1)[0]


def reference(kind: str, outputs: int = 44) -> Reference:
    """With weights as a training might leave them: norms that matter, branches that matter, answers that differ."""
    torch.manual_seed(3)
    net = Reference(kind, outputs)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.6, 1.1)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.7, 1.3)
    for branch in net.ValeLayers:
        nn.init.normal_(branch.weight, std=0.3)
        nn.init.normal_(branch.bias, mean=1.0 if net.merge == "multiply" else 0.0, std=0.05)
    nn.init.normal_(net.Net.fc.weight, std=0.02)
    return net.eval()


def photo_and_masks(height: int, width: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    photo = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    masks = np.zeros((3, height, width), dtype=bool)
    masks[0, : height // 2, : width // 3] = True
    masks[1, height // 3 :, width // 4 :] = True
    masks[2, 5, 7] = True
    return photo, masks


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in VARIANTS]
)
@torch.no_grad()
def test_every_net_of_his_gives_his_probabilities(kind: str, tmp_path: Path) -> None:
    his = reference(kind)
    torch.save(his.state_dict(), tmp_path / "his.torch")
    merge, where = kind.split("-")
    ours = read_original(tmp_path / "his.torch", where=where if merge == "blackout" else None)  # type: ignore[arg-type]
    assert (ours.merge, ours.where) == (merge, where)
    photo, masks = photo_and_masks(70, 93)
    image = torch.from_numpy(((photo - MEAN) / 65).astype(np.float32).transpose(2, 0, 1)[None])
    given = ours(image, torch.from_numpy(masks[:, None].astype(np.float32))).softmax(dim=1)
    wanted = torch.stack([his(photo, mask) for mask in masks])
    assert float((given - wanted).abs().max()) < 1e-4
    assert float(wanted.max()) > 0.05  # else all nets would agree


@torch.no_grad()
def test_an_imported_file_predicts_as_he_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    his = reference("add-stem")
    with torch.no_grad():
        his.Net.fc.bias[0] += 9  # the background would win everywhere
    torch.save(his.state_dict(), tmp_path / "his.torch")
    assert main(["import-weights", str(tmp_path / "his.torch"), "--out", str(tmp_path / "model")]) == 0
    said = capsys.readouterr().err
    assert "merge=add, where=stem, 43 materials" in said
    assert "no output for Wood - natural color, Wood - painted" in said
    predictor = madeof.load(tmp_path / "model")
    assert predictor.materials == OPENSURFACES[:43]
    for height, width in [(97, 141), (64, 64), (200, 50)]:
        photo, masks = photo_and_masks(height, width)
        predictor.set_image(photo)
        wanted = torch.stack([his(photo, mask) for mask in masks]).numpy()
        assert np.abs(predictor.scores(masks) - wanted[:, 1:]).max() < 1e-4
        for prediction, row in zip(predictor.predict(masks), wanted, strict=True):
            assert row.argmax() == 0  # his background
            assert prediction.material == OPENSURFACES[int(row[1:].argmax())]


def test_a_large_photo_is_shrunk_to_his_limit() -> None:
    from madeof.nets.original import PREPROCESSING

    height, width = PREPROCESSING.network_size(3000, 4000)
    assert 0.99 < height * width / 1_500_000 <= 1
    assert PREPROCESSING.network_size(1000, 1500) == (1000, 1500)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("Net.layer3.2.conv2.weight"), r"missing Net.layer3.2.conv2.weight"),
        (lambda s: s.update({"Net.layer9.weight": torch.zeros(3)}), r"too many Net.layer9.weight"),
        (lambda s: s.update({"Net.conv1.weight": torch.zeros(64, 3, 3, 3)}), r"another shape Net.conv1.weight"),
        (lambda s: s.update({"ValeLayers.0.weight": torch.zeros(32, 1, 3, 3)}), r"\[32\] channels; expected one of"),
        (lambda s: s.update({"ValeLayers.0.weight": torch.zeros(64, 3, 3, 3)}), r"expected \(n, 1, 3, 3\)"),
        (lambda s: s.pop("Net.fc.weight"), r"expected a matrix Net.fc.weight"),
        (lambda s: s["Net.fc.bias"].fill_(float("nan")), r"not numbers in Net.fc.bias"),
        (lambda s: [s.pop(f"ValeLayers.0.{part}") for part in ("weight", "bias")], r"say --where image, stem or"),
    ],
)
def test_wrong_files_are_refused_by_name(change: Any, message: str, tmp_path: Path) -> None:
    state = Reference("add-stem").state_dict()
    change(state)
    torch.save(state, tmp_path / "his.torch")
    with pytest.raises(ModelError, match=message):
        read_original(tmp_path / "his.torch")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.check_call, ([sys.executable, "-c", "open('exploded', 'w')"],)


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"Net.conv1.weight": Bomb()}, tmp_path / "bomb.torch")
    with pytest.raises(ModelError, match="not a state dict that can be read safely"):
        read_original(tmp_path / "bomb.torch")
    assert not (tmp_path / "exploded").exists()


def test_no_file_and_no_state_dict(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no file"):
        read_original(tmp_path / "none.torch")
    (tmp_path / "text.torch").write_text("hello")
    with pytest.raises(ModelError, match="not a state dict"):
        read_original(tmp_path / "text.torch")
    (tmp_path / "empty.torch").touch()
    with pytest.raises(ModelError, match="it is empty, cut off, or holds more than tensors"):
        read_original(tmp_path / "empty.torch")
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.torch")
    with pytest.raises(ModelError, match=r"expected a matrix Net.fc.weight.*it has a"):
        read_original(tmp_path / "other.torch")
    torch.save([1, 2], tmp_path / "list.torch")
    with pytest.raises(ModelError, match="holds list; expected names and tensors"):
        read_original(tmp_path / "list.torch")


def test_a_file_with_more_outputs_than_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(reference("add-stem").state_dict(), tmp_path / "his.torch")
    arguments = ["import-weights", str(tmp_path / "his.torch"), "--materials", "fmd", "--out", str(tmp_path / "model")]
    assert main(arguments) == 1
    assert "43 outputs besides the background, the list has 10 names" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
