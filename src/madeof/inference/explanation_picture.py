"""An explanation as a picture: the photo with the region and its ring, the heat map, the shares, the warning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from madeof._util.text import show
from madeof.inference.explanation import PARTS, Explanation, called
from madeof.inference.occlusion import divide
from madeof.inference.photo_result import label
from madeof.model.preprocess import resize_image
from madeof.regions.region import Region

_Colour = tuple[int, int, int]

# Of Okabe and Ito, and for the heat the ends of ColorBrewer's PuOr: the colour-blind tell them apart.
_COLOURS: dict[str, _Colour] = {"inside": (240, 228, 66), "ring": (86, 180, 233), "background": (150, 150, 150)}
_FOR, _AGAINST = (230, 97, 1), (94, 60, 153)
_INK, _FAINT, _PAPER, _ALARM = (20, 20, 20), (90, 90, 90), (255, 255, 255), (178, 34, 0)
_PANEL = 640, 720  # pixels: the most that a photo may be wide and high in the picture
_NARROWEST = 640  # for the legend
_GAP = 16
_STRONGEST = 0.85  # how much of the photo the heat hides where it is strongest
_RAISED = 0.65  # an exponent under 1


def draw(photo: NDArray[np.uint8], region: Region, explanation: Explanation, *, title: str = "") -> Image.Image:
    """Draw an explanation.

    Args:
        photo: RGB, (H, W, 3) uint8; it may be smaller than the photo that the region is of.
        region: what was explained.
        explanation: of it.
        title: what stands before the answer, such as the region's name.

    Returns:
        an RGB image, up to 1328 pixels wide.
    """
    height, width = photo.shape[:2]
    scale = min(_PANEL[0] / width, _PANEL[1] / height)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    pixels = resize_image(photo, size)
    parts = divide(region, size)
    inside = parts["inside"] >= min(0.5, float(parts["inside"].max()))
    near = parts["background"] < 0.5
    panels = [_outlined(pixels, [(near, _COLOURS["ring"]), (inside, _COLOURS["inside"])])]
    if explanation.heat is not None:
        panels.append(_outlined(_heated(pixels, explanation.heat), [(inside, _COLOURS["inside"])]))
    beside = width < 2.5 * height  # else one above the other
    across = max(_NARROWEST, (size[1] + _GAP) * (len(panels) if beside else 1) - _GAP)
    legend = _legend(explanation, title, across)
    top = _GAP + (size[0] + _GAP) * (1 if beside else len(panels))
    picture = Image.new("RGB", (across + 2 * _GAP, top + legend.height + _GAP), _PAPER)
    for place, panel in enumerate(panels):
        column, row = (place, 0) if beside else (0, place)
        picture.paste(panel, (_GAP + column * (size[1] + _GAP), _GAP + row * (size[0] + _GAP)))
    picture.paste(legend, (_GAP, top))
    return picture


def _heated(pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Overlay the saliency map on the photo in grey; opacity grows with saliency."""
    grey = Image.fromarray(pixels).convert("L")
    scaled = Image.fromarray(heat / max(float(np.abs(heat).max()), 1e-12))
    values = np.asarray(scaled.resize(grey.size, Image.Resampling.BILINEAR))[:, :, np.newaxis]
    strength = _strength(values)
    mixed = np.asarray(grey)[:, :, np.newaxis] * (1 - strength) + np.where(values > 0, _FOR, _AGAINST) * strength
    return np.rint(mixed).astype(np.uint8)


def _strength(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much heat of -1 to 1 hides of the photo; raised, so that a tenth of the strongest can still be seen."""
    strength: NDArray[np.float32] = np.abs(values) ** np.float32(_RAISED) * np.float32(_STRONGEST)
    return strength


def _outlined(pixels: NDArray[np.uint8], shapes: Sequence[tuple[NDArray[np.bool_], _Colour]]) -> Image.Image:
    """The photo with the outlines of masks of its size, each in its colour on a dark casing."""
    picture = Image.fromarray(pixels)
    for inside, colour in shapes:
        solid = Image.fromarray(inside.astype(np.uint8) * 255)
        edge = ImageChops.subtract(solid, solid.filter(ImageFilter.MinFilter(3)))  # the photo's own border is no edge
        picture.paste(_INK, mask=edge.filter(ImageFilter.MaxFilter(5)))
        picture.paste(colour, mask=edge.filter(ImageFilter.MaxFilter(3)))
    return picture


def _legend(explanation: Explanation, title: str, width: int) -> Image.Image:
    """Legend of the picture."""
    legend = Image.new("RGB", (width, 1200), _PAPER)
    pen = ImageDraw.Draw(legend)
    large, small = (ImageFont.load_default(size=size) for size in (24, 18))
    answer = label(explanation.prediction)
    y = _write(pen, (0, 0), f"{show(title)}: {answer}" if title else answer, large, width)
    y = _shares(pen, y + 10, explanation, small, width)
    for name, material, score in (
        ("By its inside alone", explanation.alone_material, explanation.alone_score),
        ("Without its inside", explanation.parts["inside"].material, explanation.parts["inside"].score),
    ):
        y = _write(pen, (0, y), f"{name}: {called(material, score, explanation.prediction.material)}", small, width)
    if explanation.warning:
        text = explanation.warning
        y = _write(pen, (0, y + 4), f"{text[0].upper()}{show(text[1:])}", small, width, _ALARM)
    if explanation.heat is not None:
        y = _heat_key(pen, y + 12, small, width)
    return legend.crop((0, 0, width, y))


def _shares(pen: ImageDraw.ImageDraw, y: int, explanation: Explanation, font: Any, width: int) -> int:
    """A bar of the three shares and its key; returns where the next line may begin."""
    shares = explanation.shares
    if not any(shares.values()):
        return _write(pen, (0, y), "The score does not fall, whatever is taken away", font, width)
    x = 0.0
    for name in PARTS:
        end = x + shares[name] * width
        if end - x >= 1:
            pen.rectangle((round(x), y, round(end) - 1, y + 22), fill=_COLOURS[name])
        x = end
    pen.rectangle((0, y, width - 1, y + 22), outline=_INK)
    x, y = 0.0, y + 30
    for name in PARTS:
        text = f"{name} {shares[name]:.0%}"
        pen.rectangle((round(x), y + 4, round(x) + 14, y + 18), fill=_COLOURS[name], outline=_INK)
        pen.text((x + 22, y), text, fill=_INK, font=font)
        x += 22 + font.getlength(text) + 28
    return y + 30


def _heat_key(pen: ImageDraw.ImageDraw, y: int, font: Any, width: int) -> int:
    """The heat's colours, on the grey of a photo, with what they mean."""
    left, right, bar = "heat map: speaks against the answer", "speaks for it", 220
    x = round(font.getlength(left)) + 12
    pen.text((0, y), left, fill=_FAINT, font=font)
    for step in range(bar):
        value = np.float32(2 * step / (bar - 1) - 1)
        strength = float(_strength(np.array(value)))
        colour = _FOR if value > 0 else _AGAINST
        fill = tuple(round(200 * (1 - strength) + channel * strength) for channel in colour)
        pen.line((x + step, y + 2, x + step, y + 20), fill=fill)
    pen.text((x + bar + 12, y), right, fill=_FAINT, font=font)
    return y + 28


def _write(pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, font: Any, width: int, ink: _Colour = _INK) -> int:
    """Write a text, broken where it is too long; returns where the next line may begin."""
    x, y = at
    height: int = sum(font.getmetrics()) + 4
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and font.getlength(longer) > width - x:
            pen.text((x, y), line, fill=ink, font=font)
            y, line = y + height, word
        else:
            line = longer
    pen.text((x, y), line, fill=ink, font=font)
    return y + height
