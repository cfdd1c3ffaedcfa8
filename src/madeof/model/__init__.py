"""A model folder: its record, preprocessing and the engines that run it."""
