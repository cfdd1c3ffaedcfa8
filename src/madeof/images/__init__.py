"""Images: a file, bytes, a PIL image or an array -> RGB pixels."""

from madeof.images.photo import Photo, read_photo

__all__ = ["Photo", "read_photo"]
