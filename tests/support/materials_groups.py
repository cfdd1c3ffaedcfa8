"""What several tests of materials/groups share."""

from __future__ import annotations

SEVEN = ("Stone", "Concrete", "Glass", "Mirror", "Metal", "Wood", "Skin")
