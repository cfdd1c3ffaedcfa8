"""`python -m madeof` is the command `madeof`."""

import sys

from madeof.cli import main

sys.exit(main())
