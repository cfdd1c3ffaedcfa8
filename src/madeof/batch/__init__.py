"""Batches of any size: `run_batch` reads photos from any place and writes shards. It resumes after a kill."""

from madeof.batch.annotator import Kernel
from madeof.batch.run import Batch, run_batch
from madeof.batch.tasks import Options, Task

__all__ = ["Batch", "Kernel", "Options", "Task", "run_batch"]
