"""Evaluating a model on a data set."""

from madeof.evaluation.result import Evaluation
from madeof.evaluation.run import evaluate

__all__ = ["Evaluation", "evaluate"]
