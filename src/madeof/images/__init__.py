"""Images: a file, bytes, a PIL image or an array -> RGB pixels."""
