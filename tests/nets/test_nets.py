"""The properties that every net must have, whatever its backbone and wherever the mask enters."""

from __future__ import annotations

import torch
from nets_nets import image, masks

from madeof.nets import Net


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
