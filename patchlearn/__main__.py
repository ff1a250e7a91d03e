"""`python -m patchlearn`, and what `accelerate launch -m patchlearn` starts."""

import sys

from patchlearn.cli.main import main

sys.exit(main())
