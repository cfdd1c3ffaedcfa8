"""Any number of photos: `run_batch` reads them wherever they are and writes shards; killed, it goes on later."""

from madeof.batch.annotator import Kernel
from madeof.batch.run import Batch, run_batch
from madeof.batch.tasks import Options, Task

__all__ = ["Batch", "Kernel", "Options", "Task", "run_batch"]
