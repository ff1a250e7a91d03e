"""How much CPU the command line needs before it does anything, beside Python's own start.

python benchmarks/start_up.py
"""

import resource
import subprocess
import sys

TIMES = 5
PROGRAMS = {
    "python": "pass",
    "import patchlearn": "import patchlearn",
    "--help": "from patchlearn.cli.main import main; main(['--help'])",
    "--version": "from patchlearn.cli.main import main; main(['--version'])",
    "run --help": "from patchlearn.cli.main import main; main(['run', '--help'])",
    "settings": "from patchlearn.cli.main import main; main(['settings'])",
    "recipes": "from patchlearn.cli.main import main; main(['recipes'])",
}


def main() -> None:
    for name, program in PROGRAMS.items():
        print(f"{name:20} {min(cpu_seconds(program) for _ in range(TIMES)):.2f} s of CPU")


def cpu_seconds(program: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
