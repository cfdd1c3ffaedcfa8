"""Data sets of photos with labelled regions, whatever their layout: `open_dataset`."""

from madeof.datasets.annotated import read_annotations
from madeof.datasets.conversion import convert
from madeof.datasets.dataset import MaterialCount, RegionDataset, Sample
from madeof.datasets.opening import open_dataset
from madeof.datasets.photos import PhotoTable
from madeof.datasets.problems import Problem
from madeof.datasets.regions_table import RegionTable

__all__ = [
    "MaterialCount",
    "PhotoTable",
    "Problem",
    "RegionDataset",
    "RegionTable",
    "Sample",
    "convert",
    "open_dataset",
    "read_annotations",
]
