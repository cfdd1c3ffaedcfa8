"""The colours of regions, in pictures and on the page (`serve/page/colours.js` has the same), and the ink on them."""

from __future__ import annotations

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

# Okabe and Ito's colours, which the colour-blind tell apart, the ones that stand out most from photos first.
COLOURS: tuple[Colour, ...] = (
    (86, 180, 233),
    (230, 159, 0),
    (240, 228, 66),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
)

_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever has more contrast on a colour: never less than 4.5, which WCAG asks of text."""
    return _BLACK if contrast(_BLACK, colour) > contrast(_WHITE, colour) else _WHITE


def contrast(one: Colour, other: Colour) -> float:
    """The contrast of two colours as WCAG 2.2 defines it: 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    """The relative luminance of an sRGB colour (WCAG 2.2), in [0, 1]."""
    shares = [value / 255 for value in colour]
    red, green, blue = [((s + 0.055) / 1.055) ** 2.4 if s > 0.04045 else s / 12.92 for s in shares]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
