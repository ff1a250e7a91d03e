"""`python -m patchlearn`, and what `accelerate launch -m patchlearn` starts."""

import sys

from patchlearn.cli import main

sys.exit(main())
