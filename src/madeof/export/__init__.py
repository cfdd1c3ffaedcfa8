"""Answers as files: tables, annotation formats, maps."""
