"""Asking a model: the predictor, its answers, maps and explanations."""
