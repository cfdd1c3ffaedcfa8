"""Evaluating a model on a data set."""
