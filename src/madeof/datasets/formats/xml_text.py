"""What can be written into XML."""

from __future__ import annotations

import re

from madeof._util.text import show
from madeof.errors import WriteError

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def plain(text: str) -> str:
    """The text, if XML can hold it.

    Raises:
        WriteError: it holds a control character, or bytes that are not UTF-8.
    """
    if _FORBIDDEN.search(text):
        raise WriteError(f"{show(text)} holds a character that XML cannot; rename it or write another format")
    return text
