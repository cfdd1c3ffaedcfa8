"""What the tests of this room share."""

from __future__ import annotations

import pytest
import torch
from nets_nets import NETS, name_of

from madeof.nets import MaskAtPooling, Net, build


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
