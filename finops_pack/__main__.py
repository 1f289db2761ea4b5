"""`python -m finops_pack` is `finops`."""

import sys

from finops_pack.cli import main

sys.exit(main())
