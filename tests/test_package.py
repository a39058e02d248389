"""What importing the package does, and does not, in a process of its own."""

import os
import subprocess
import sys

import pytest

NAME = "OPENBLAS_NUM_THREADS"


def said(code: str, **environment: str) -> str:
    """What `code` prints where nobody has said anything about threads but `environment`."""
    kept = {name: value for name, value in os.environ.items() if name != NAME}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_importing_loads_nothing():
    assert said("import edge, sys; print({'numpy', 'onnxruntime', 'cv2', 'pydantic'} & set(sys.modules))") == "set()"


def test_products_of_numpy_are_for_one_thread():
    assert said(f"import edge, os; print(os.environ['{NAME}'])") == "1"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
def test_numpy_starts_no_thread_that_could_spin():
    product = "a = numpy.ones((400, 400), numpy.float32); a @ a"
    assert said(f"import os, edge, numpy; {product}; print(len(os.listdir('/proc/self/task')))") == "1"


def test_who_asked_for_threads_keeps_them():
    assert said(f"import edge, os; print(os.environ['{NAME}'])", **{NAME: "3"}) == "3"


def test_the_command_asks_before_numpy_is_there():
    code = f"import edge.cli, os, sys; print(os.environ['{NAME}'], 'numpy' in sys.modules)"
    assert said(code).split()[0] == "1"
