"""A project's labelling interface: of its XML, the photo and the controls by which a material can be said.

As labelstud.io/tags has it. A region's label is said by a control that draws it too (BrushLabels, ...), by Labels for
one that is drawn without (Brush, ...), or by Choices with perRegion="true"; other Choices speak of the whole photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, NoReturn
from xml.etree import ElementTree

from madeof._util.text import show
from madeof.serve.problems import ProblemError

REGION_LABELS = ("brushlabels", "bitmasklabels", "polygonlabels", "rectanglelabels", "ellipselabels")
_SAYING = (*REGION_LABELS, "labels", "choices")
_MOST_CHARACTERS = 1_000_000  # of the XML


class Label(NamedTuple):
    """A label of a control."""

    value: str
    """Value written in results: the alias, if there is one."""
    names: tuple[str, ...]
    """Material names of the label: its `predicted_values`, else its value and alias."""


@dataclass(frozen=True)
class Control:
    """A control with labels."""

    name: str
    """`from_name` of its results."""
    kind: str
    """`type` of its results, and the key of labels in their values: its tag in lower case."""
    labels: tuple[Label, ...]
    least: float = 0.0
    """The score under which it says nothing (`model_score_threshold`)."""


@dataclass(frozen=True)
class Interface:
    """Controls that can be filled in for a photo."""

    image: str
    """`to_name` of results."""
    key: str
    """Key of the photo in a task's data."""
    drawing: dict[str, Control]
    """Those that draw regions and label them, by name."""
    labels: tuple[Control, ...]
    """Labels for regions that are drawn without."""
    choices: tuple[Control, ...]
    """Choices for each region."""
    whole: tuple[Control, ...]
    """Choices for the whole photo."""

    @property
    def controls(self) -> tuple[Control, ...]:
        """All of them."""
        return (*self.drawing.values(), *self.labels, *self.choices, *self.whole)


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, name: str, public: str | None, system: str | None) -> NoReturn:
        """Entities could make other text, or gigabytes, of the XML."""
        raise ProblemError("input", "the labelling interface has a document type (<!DOCTYPE>); take it out")


def read_interface(xml: object) -> Interface | None:
    """The interface of a project; None of one that has no photo, or nothing to say of it.

    Args:
        xml: `label_config` of a request.

    Raises:
        ProblemError: it is not XML.
    """
    if not isinstance(xml, str):
        raise ProblemError("input", "the labelling interface (label_config) is missing; expected its XML")
    if len(xml) > _MOST_CHARACTERS:
        raise ProblemError("input", f"the labelling interface has {len(xml)} characters; expected {_MOST_CHARACTERS}")
    try:
        parser = ElementTree.XMLParser(target=_Builder())
        parser.feed(xml.strip())
        root = parser.close()
    except ElementTree.ParseError as error:
        raise ProblemError("input", f"the labelling interface is not valid XML: {show(str(error))[:200]}") from None
    except ValueError:  # a character that no encoding holds
        raise ProblemError("input", "the labelling interface is not valid XML: a character is none") from None
    images = {
        one.get("name", ""): one.get("value", "")[1:]
        for one in root.iter("Image")
        if one.get("value", "").startswith("$") and len(one.get("value", "")) > 1
    }
    saying = [one for one in root.iter() if isinstance(one.tag, str) and one.tag.lower() in _SAYING]
    for image, key in images.items():
        controls = [(one, _control(one)) for one in saying if image in one.get("toName", "").split(",")]
        controls = [(one, control) for one, control in controls if control.name and control.labels]
        if controls:
            return _interface(image, key, controls)
    return None


def _interface(image: str, key: str, controls: list[tuple[ElementTree.Element, Control]]) -> Interface:
    def of(*kinds: str, per_region: bool | None = None) -> tuple[Control, ...]:
        return tuple(
            control
            for element, control in controls
            if control.kind in kinds and per_region in (None, element.get("perRegion", "").lower() == "true")
        )

    return Interface(
        image,
        key,
        {control.name: control for control in of(*REGION_LABELS)},
        of("labels"),
        of("choices", per_region=True),
        of("choices", per_region=False),
    )


def _control(element: ElementTree.Element) -> Control:
    # A control whose labels come with each task (value="$...") has none here.
    labels = [_label(one) for one in element.iter() if one.tag in ("Label", "Choice")]
    try:
        least = float(element.get("model_score_threshold", "0"))
    except ValueError:
        least = 0.0
    kind = element.tag.lower()
    return Control(element.get("name", ""), kind, tuple(label for label in labels if label.value), least)


def _label(element: ElementTree.Element) -> Label:
    value, alias = element.get("value", ""), element.get("alias", "")
    predicted = [name.strip() for name in element.get("predicted_values", "").split(",") if name.strip()]
    return Label(alias or value, tuple(predicted or filter(None, (value, alias))))
