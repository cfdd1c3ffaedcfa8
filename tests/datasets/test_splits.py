"""The drawn split of a photo goes by what it is called, not by how its data set is laid out."""

from __future__ import annotations

from madeof.datasets.splits import assign


def drawn(*names: str, seed: int = 0) -> tuple[str, ...]:
    nothing = [""] * len(names)
    return assign(names, nothing, nothing, val_fraction=0.5, seed=seed, where="here")


def test_a_split_goes_by_the_name_of_the_photo() -> None:
    for seed in range(20):
        assert (
            len({drawn(name, seed=seed) for name in ("a", "a.jpg", "a.PNG", "images/a.jpg", "x/y/a", "x\\a.png")}) == 1
        )
        # Photos of one name are told apart by their folders.
        several = drawn("kitchen/1.jpg", "bath/1.jpg", "hall/1.jpg", "2.jpg", seed=seed)
        assert several == drawn("images/kitchen/1", "images/bath/1", "images/hall/1", "images/2", seed=seed)
    assert {drawn("kitchen/1.jpg", "bath/1.jpg", seed=seed) for seed in range(20)} >= {
        ("train", "val"),
        ("val", "train"),
    }
