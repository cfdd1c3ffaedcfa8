"""What several tests of label_studio/photos share."""

from __future__ import annotations

import pytest

from madeof.errors import PhotoError
from madeof.serve.label_studio.photos import Photos

OLD_KEY = "0123456789abcdef"


def read(photos: Photos, text: object) -> bytes:
    return photos.read(text, lambda: None).data


def why_not(photos: Photos, text: object) -> str:
    with pytest.raises(PhotoError) as raised:
        read(photos, text)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value).replace("secret.png", "")
    return str(raised.value)
