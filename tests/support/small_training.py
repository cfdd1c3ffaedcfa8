"""Settings of trainings that take seconds."""

from __future__ import annotations

SMALL = [
    "backbone=test_efficientnet", "backbone_weights=none", "side=96", "crop=64", "hidden=32", "batch=4",
    "head_batch=16", "head_epochs=8", "head_views=1", "head_lr=0.01", "epochs=1", "threads=1", "workers=0", "seed=5",
]  # fmt: skip


STEM = [*SMALL, "net=MaskAtStem", "sampler=original", "min_side=64", "max_side=96", "batch_pixels=40000", "epochs=2"]
