"""What a measurement reads from the system."""

import subprocess
import sys

import numpy as np

from benchmarks.machine import peak_memory

READ = "from benchmarks.machine import peak_memory; print(peak_memory())"


def test_the_peak_is_a_process_own_and_not_its_parents():
    held = np.ones(50 * 2**20)
    assert peak_memory() > held.nbytes / 2**20
    child = subprocess.run([sys.executable, "-c", READ], check=True, capture_output=True, text=True)
    assert 1 < float(child.stdout) < held.nbytes / 2**20
