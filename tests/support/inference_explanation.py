"""What several tests of inference/explanation share."""

from __future__ import annotations

SIZE = 96, 128


BOX = 40.0, 30.0, 90.0, 70.0
