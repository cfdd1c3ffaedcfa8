"""The options of Label Studio's backend."""

from __future__ import annotations

from pathlib import Path

import pytest
from label_studio_photos import OLD_KEY

from madeof.errors import ConfigError
from madeof.serve.label_studio.options import Address, LabelStudio, address_of


def test_addresses() -> None:
    assert address_of("http://localhost:8080/") == Address("http", "localhost", 8080, "")
    assert address_of("https://[::1]/studio/") == Address("https", "::1", 443, "/studio")
    assert address_of("https://[::1]/studio/").origin == "https://[::1]:443"
    for wrong in ("", "localhost:8080", "ftp://a", "http://", "http://a:x", "http://a b", "http://u:p@a", "http://a?b"):
        with pytest.raises(ConfigError, match="the address of Label Studio is"):
            address_of(wrong)


def test_options_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        LabelStudio((tmp_path / "none",))
    with pytest.raises(ConfigError, match="the address of Label Studio is x; expected one such as"):
        LabelStudio((), "x")
    for key in ("", "a\nb", "ü"):
        with pytest.raises(ConfigError, match="the key of Label Studio is empty"):
            LabelStudio((), "http://a", key)
    assert OLD_KEY not in repr(LabelStudio((), "http://a", OLD_KEY))
