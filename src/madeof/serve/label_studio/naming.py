"""Which of a model's materials are which labels of a control: by name, by the label's own list, or by our crosswalk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from madeof.inference.prediction import Prediction
from madeof.materials.crosswalk import Crosswalk
from madeof.materials.lists import key
from madeof.serve.label_studio.interface import Control


class Naming:
    """A control's labels for predictions.

    Args:
        control: the control.
        materials: the model's.
    """

    def __init__(self, control: Control, materials: Sequence[str]) -> None:
        self.control = control
        values = [label.value for label in control.labels]
        by_name: dict[str, int] = {}
        for number, label in enumerate(control.labels):
            for name in label.names:
                by_name.setdefault(key(name), number)
        # Of a label with a list of its own, that list is all.
        plain = [label.value for label in control.labels if label.value in label.names]
        for material, value in _crosswalked(materials, plain).items():
            by_name.setdefault(material, values.index(value))
        self._labels: NDArray[np.int64] = np.array([by_name.get(key(one), -1) for one in materials], dtype=np.int64)
        self.labels = {one: values[number] for one, number in zip(materials, self._labels, strict=True) if number >= 0}
        """Material -> label."""
        self.left_out = tuple(one for one in materials if one not in self.labels)
        """The materials that are none of the labels."""

    def name(self, prediction: Prediction) -> tuple[str, float] | None:
        """The label and its score, which is the sum of those of its materials.

        None where the likeliest is a material that is no label, or where the score is under the control's least.
        """
        known = self._labels >= 0
        if not known.any():
            return None
        scores = prediction.scores.astype(np.float64)
        sums = np.bincount(self._labels[known], scores[known], minlength=len(self.control.labels))
        best = int(sums.argmax())
        score = min(float(sums[best]), 1.0)
        if score < self.control.least or score < scores[~known].max(initial=0.0):
            return None
        return self.control.labels[best].value, score


def _crosswalked(materials: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """Keys of materials of which another list, that the labels are of, has a word as wide or wider."""
    found = Crosswalk.between(materials, values)
    pairs = [] if found is None else [pair for pair in found.pairs if pair.relation in ("same", "narrower")]
    labels: dict[str, set[str]] = {}
    for pair in pairs:
        labels.setdefault(key(pair.model), set()).add(pair.data)
    return {material: some.pop() for material, some in labels.items() if len(some) == 1}
