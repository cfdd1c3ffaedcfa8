"""Features pooled under the mask."""

from __future__ import annotations

import pytest
import torch
from nets_nets import image

from madeof.errors import ConfigError
from madeof.nets import Backbone, MaskAtPooling, build


@torch.no_grad()
def test_what_the_head_sees() -> None:
    width = {
        c: MaskAtPooling(Backbone("test_resnet"), 3, strides=[8], context=c).width for c in ("none", "ring", "photo")
    }
    assert width == {"none": 2 * 48, "ring": 3 * 48, "photo": 5 * 48}
    with pytest.raises(ConfigError, match="context='moon': expected one of 'none', 'ring', 'photo'"):
        MaskAtPooling(Backbone("test_resnet"), 3, context="moon")


def test_attention_pooled_means_are_a_softmax_with_the_mask_as_prior() -> None:
    torch.manual_seed(0)
    net = build({"net": "MaskAtPooling", "backbone": "test_resnet", "strides": [8, 16], "attention": 2}, 6)
    assert isinstance(net, MaskAtPooling)
    maps = net.encode(image(64, 96))
    mask = torch.rand(3, 1, 64, 96)
    mask[1, 0, :, :50] = 0
    channels = maps[1].shape[1]
    plain = net.pool(maps, mask)
    assert plain.shape == (3, net.width)
    inside, learned = plain[:, -5 * channels : -4 * channels], plain[:, -2 * channels :]
    torch.testing.assert_close(learned, inside.repeat(1, 2))  # before it has learned anything

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
    assert not torch.allclose(found[:, -2 * channels :], learned, atol=1e-3)


@torch.no_grad()
def test_pooling_stays_exact_under_mixed_precision() -> None:
    net = build({"net": "MaskAtPooling", "backbone": "test_resnet", "attention": 1}, 6)
    assert isinstance(net, MaskAtPooling)
    maps = tuple(100 + m for m in net.encode(image(64, 96)))  # large means, small spreads
    mask = torch.rand(3, 1, 64, 96).bfloat16().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (maps[0].flatten(1) @ maps[0].flatten(1).T).dtype == torch.bfloat16
        found = net.pool(maps, mask.bfloat16())  # as Fabric hands it on
    torch.testing.assert_close(found, net.pool(maps, mask))


@torch.no_grad()
def test_pooling_is_the_weighted_mean() -> None:
    """Against a plain loop over the cells of one map."""
    torch.manual_seed(0)
    net = MaskAtPooling(Backbone("test_resnet"), 3, strides=[8], context="photo").eval()
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


def test_masks_of_the_finest_map_s_cells_give_the_same() -> None:
    torch.manual_seed(0)
    net = MaskAtPooling(Backbone("test_resnet"), 3, strides=[8, 16]).eval()
    masks = torch.rand(3, 1, 64, 96)
    features = net.encode(image(64, 96))
    cells = torch.nn.functional.avg_pool2d(masks, 8)
    torch.testing.assert_close(net.classify(features, cells), net.classify(features, masks), rtol=1e-4, atol=1e-5)
