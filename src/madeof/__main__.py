"""`python -m madeof` is the command `madeof`."""

import sys

from madeof.cli.main import main

sys.exit(main())
