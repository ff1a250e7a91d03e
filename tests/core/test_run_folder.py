import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patchlearn.core.errors import PatchlearnError
from patchlearn.core.run_folder import lock_run

HOLD = """
import sys, time
from pathlib import Path
from patchlearn.core.run_folder import lock_run
with lock_run(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_by_name_until_the_first_has_died(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout
    assert first.stdout.readline() == "held\n"
    with pytest.raises(PatchlearnError, match=f"process {first.pid} on {socket.gethostname()}"), lock_run(tmp_path):
        pass
    first.kill()
    first.communicate()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with lock_run(tmp_path):
                return
        except PatchlearnError:
            time.sleep(0.05)
    pytest.fail("the lock outlives its process")


def test_one_process_may_open_its_folder_twice(tmp_path: Path) -> None:
    with lock_run(tmp_path), lock_run(tmp_path):
        pass
    with lock_run(tmp_path):
        pass
