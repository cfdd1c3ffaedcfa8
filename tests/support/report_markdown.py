"""What several tests of report/markdown share."""

from __future__ import annotations

PICTURES = ["confusion.png", "by-material.png", "by-size.png", "reliability.png"]
