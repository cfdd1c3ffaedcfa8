"""The properties that every net must have, whatever its trunk and wherever the mask enters."""

import pytest
import torch
from torch import Tensor

from madeof.errors import ConfigError
from madeof.nets import MaskAtPooling, MaskAtStem, Net, Trunk, build

TRUNKS = ["test_resnet", "test_efficientnet", "test_convnext", "test_nfnet", "regnetx_002"]
ABLATION = [
    {"merge": "both", "where": "all"},
    {"merge": "both", "where": "stem"},
    {"merge": "multiply", "where": "stage3"},
    {"merge": "multiply", "where": "all"},
    {"merge": "multiply", "where": "stem"},
    {"merge": "add", "where": "all"},
    {"merge": "add", "where": "stem"},
    {"merge": "add", "where": "stage3"},
    {"merge": "blackout", "where": "image"},
    {"merge": "blackout", "where": "stem"},
    {"merge": "blackout", "where": "stage3"},
    {"merge": "blackout", "where": "stage4"},
]
NETS = [
    *({"net": "MaskAtStem", "trunk": "test_resnet", **kind} for kind in ABLATION),
    *({"net": "MaskAtStem", "trunk": trunk} for trunk in TRUNKS[1:]),
    *({"net": "MaskAtPooling", "trunk": trunk} for trunk in TRUNKS),
    {"net": "MaskAtPooling", "trunk": "test_resnet", "strides": [16]},
    {"net": "MaskAtPooling", "trunk": "test_resnet", "attention": 2},
]


def name_of(architecture: dict[str, object]) -> str:
    return "-".join(str(value) for value in architecture.values())


@pytest.fixture(params=NETS, ids=name_of)
def net(request: pytest.FixtureRequest) -> Net:
    """A net with random weights, in which the mask has an influence."""
    torch.manual_seed(0)
    net = build(request.param, 6)
    for parameter in net.parameters():  # the branches start at 0 or 1, where the mask changes nothing
        if parameter.ndim == 4 and parameter.shape[1] == 1:
            torch.nn.init.normal_(parameter, std=0.5)
    for score in net.scores if isinstance(net, MaskAtPooling) else ():  # and so do these
        torch.nn.init.normal_(score, std=0.5)
    return net.eval()


def image(height: int = 75, width: int = 118) -> Tensor:
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))


def masks(height: int = 75, width: int = 118) -> Tensor:
    result = torch.zeros(4, 1, height, width)
    result[0, 0, :40, :50] = 1
    result[1, 0, 30:, 60:] = 1
    result[2, 0, 10, 11] = 1
    result[3] = 1
    return result


@torch.no_grad()
def test_another_mask_gives_another_answer(net: Net) -> None:
    logits = net(image(), masks())
    assert logits.shape == (4, 6)
    for i in range(4):
        for j in range(i):
            assert not torch.allclose(logits[i], logits[j], atol=1e-6)


@torch.no_grad()
def test_one_pixel_and_odd_sizes_give_finite_answers(net: Net) -> None:
    for height, width in [(75, 118), (33, 64), (160, 96)]:
        mask = torch.zeros(3, 1, height, width)
        mask[0, 0, height - 1, width - 1] = 1  # in the corner, where cells reach over the edge
        mask[1, 0, 0, 0] = 1e-5  # what one pixel of a very large photo leaves
        mask[2, 0, 7] = 1
        assert torch.isfinite(net(image(height, width), mask)).all()


@torch.no_grad()
def test_order_and_batch_of_masks_change_nothing(net: Net) -> None:
    features = net.encode(image())
    together = net.classify(features, masks())
    alone = torch.cat([net.classify(features, mask[None]) for mask in masks()])
    backwards = net.classify(features, masks().flip(0)).flip(0)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(backwards, together, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_photos_in_a_batch_are_as_alone(net: Net) -> None:
    pair = torch.cat([image(), image().flip(3)])
    both = net(pair, torch.cat([masks(), masks()[:2]]), torch.tensor([0, 0, 0, 0, 1, 1]))
    torch.testing.assert_close(both[:4], net(pair[:1], masks()), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(both[4:], net(pair[1:], masks()[:2]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [k for k in ABLATION if k["merge"] != "blackout"], ids=name_of)
@torch.no_grad()
def test_fresh_branches_leave_the_trunk_as_it_was(kind: dict[str, str]) -> None:
    torch.manual_seed(0)
    trunk = Trunk("test_resnet")
    net = MaskAtStem(trunk, 6, **kind).eval()  # type: ignore[arg-type]
    plain = net.fc(trunk.model.forward_features(image()).mean(dim=(2, 3)))  # type: ignore[operator]
    torch.testing.assert_close(net(image(), masks()), plain.expand(4, -1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", TRUNKS)
@torch.no_grad()
def test_a_trunk_is_timms_network(name: str) -> None:
    import timm

    torch.manual_seed(0)
    trunk = Trunk(name).eval()
    original = timm.create_model(name, pretrained=False).eval()
    state = {k: v for k, v in original.state_dict().items() if k in trunk.model.state_dict()}
    trunk.model.load_state_dict(state)
    torch.testing.assert_close(trunk.run(image(96, 64)), original.forward_features(image(96, 64)))
    assert sorted(trunk.stages) == [4, 8, 16, 32]


@torch.no_grad()
def test_what_the_head_sees() -> None:
    width = {c: MaskAtPooling(Trunk("test_resnet"), 3, strides=[8], context=c).width for c in ("none", "ring", "photo")}
    assert width == {"none": 2 * 48, "ring": 3 * 48, "photo": 5 * 48}
    with pytest.raises(ConfigError, match="context='moon': expected one of 'none', 'ring', 'photo'"):
        MaskAtPooling(Trunk("test_resnet"), 3, context="moon")


def test_learnt_means_are_a_softmax_with_the_mask_as_prior() -> None:
    torch.manual_seed(0)
    net = build({"net": "MaskAtPooling", "trunk": "test_resnet", "strides": [8, 16], "attention": 2}, 6)
    assert isinstance(net, MaskAtPooling)
    maps = net.encode(image(64, 96))
    mask = torch.rand(3, 1, 64, 96)
    mask[1, 0, :, :50] = 0
    channels = maps[1].shape[1]
    plain = net.pool(maps, mask)
    assert plain.shape == (3, net.width)
    inside, learnt = plain[:, -5 * channels : -4 * channels], plain[:, -2 * channels :]
    torch.testing.assert_close(learnt, inside.repeat(1, 2))  # before it has learnt anything

    torch.nn.init.normal_(net.scores[0], std=0.3)
    net.head.fit_scale(plain)
    start = net.width - 5 * channels
    scores = torch.einsum("kc,chw->khw", net.scores[0] / net.head.spread[start : start + channels], maps[1][0])
    prior = torch.nn.functional.avg_pool2d(mask, 16)[:, 0].log()
    weights = (4 * torch.tanh(scores / 4) + prior[:, None]).flatten(2).softmax(dim=2)  # (3, 2, cells)
    expected = torch.einsum("nkm,cm->nkc", weights, maps[1][0].flatten(1)).flatten(1)
    found = net.pool(maps, mask)
    torch.testing.assert_close(found[:, -2 * channels :], expected, rtol=1e-4, atol=1e-5)
    together = net.pool(tuple(torch.cat([m, m.flip(3)]) for m in maps), mask, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(together[:2], found[:2], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found[:, -2 * channels :], learnt, atol=1e-3)


@torch.no_grad()
def test_pooling_stays_exact_under_mixed_precision() -> None:
    net = build({"net": "MaskAtPooling", "trunk": "test_resnet", "attention": 1}, 6)
    assert isinstance(net, MaskAtPooling)
    maps = tuple(100 + m for m in net.encode(image(64, 96)))  # large means, small spreads
    mask = torch.rand(3, 1, 64, 96).bfloat16().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (maps[0].flatten(1) @ maps[0].flatten(1).T).dtype == torch.bfloat16
        found = net.pool(maps, mask.bfloat16())  # as Fabric hands it on
    torch.testing.assert_close(found, net.pool(maps, mask))


def test_attention_needs_two_maps() -> None:
    with pytest.raises(ConfigError, match="the finest map has none"):
        build({"net": "MaskAtPooling", "trunk": "test_resnet", "strides": [16], "attention": 1}, 6)


@torch.no_grad()
def test_pooling_is_the_weighted_mean() -> None:
    """Against a plain loop over the cells of one map."""
    torch.manual_seed(0)
    net = MaskAtPooling(Trunk("test_resnet"), 3, strides=[8], context="photo").eval()
    photo = image(64, 96)
    mask = torch.zeros(1, 1, 64, 96)
    mask[0, 0, 5:29, 11:50] = 1
    (maps,) = net.encode(photo)
    pooled = net.pool((maps,), mask)[0]
    total, square, weight = torch.zeros(48), torch.zeros(48), 0.0
    for y in range(8):
        for x in range(12):
            part = float(mask[0, 0, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8].mean())
            total += part * maps[0, :, y, x]
            square += part * maps[0, :, y, x] ** 2
            weight += part
    mean = total / weight
    spread = ((square / weight - mean**2).clamp(min=0) + 1e-4).sqrt()
    torch.testing.assert_close(pooled[:48], mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pooled[48:96], spread, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(pooled[144:192], maps[0].mean(dim=(1, 2)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"net": "MaskAtStem", "trunk": "test_resnet", "where": "image"}, "only as merge='blackout'"),
        ({"net": "MaskAtStem", "trunk": "test_resnet", "merge": "average"}, "expected one of"),
        ({"net": "MaskAtPooling", "trunk": "test_resnet", "strides": [4, 64]}, "has maps of"),
        ({"net": "MaskAtPooling", "trunk": "test_resnet", "colour": 1}, "does not take these settings"),
        ({"net": "MaskAtEnd", "trunk": "test_resnet"}, "expected 'MaskAtStem' or 'MaskAtPooling'"),
        ({"net": "MaskAtStem", "trunk": "resnet17"}, "timm has no trunk 'resnet17'"),
        ({"net": "MaskAtStem", "trunk": "vit_tiny_patch16_224"}, "trunk vit_tiny_patch16_224"),
    ],
)
def test_wrong_architectures_are_refused(architecture: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(architecture, 3)


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    from madeof.nets.libraries import timm

    def offline(name: str, *, pretrained: bool) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ConfigError, match="ImageNet weights of resnet18: no connection; set trunk_weights to"):
        Trunk("resnet18", pretrained=True)


def test_masks_of_the_finest_map_s_cells_give_the_same() -> None:
    torch.manual_seed(0)
    net = MaskAtPooling(Trunk("test_resnet"), 3, strides=[8, 16]).eval()
    masks = torch.rand(3, 1, 64, 96)
    features = net.encode(image(64, 96))
    cells = torch.nn.functional.avg_pool2d(masks, 8)
    torch.testing.assert_close(net.classify(features, cells), net.classify(features, masks), rtol=1e-4, atol=1e-5)
