"""What every test may ask for: the folder of real data, and a compilation cache that outlives the run."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

# Scripts that make golden files; they need PyTorch, the tests do not.
collect_ignore = ["golden"]


def pytest_configure(config: pytest.Config) -> None:
    # A second run on the same machine skips most compilation; the library itself never sets this.
    import jax

    from jaxmusic._programs import keep_compiled_programs

    keep_compiled_programs()
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


@pytest.fixture(scope="module", autouse=True)
def few_memory_maps() -> Iterator[None]:
    """Let go of what JAX itself keeps for every shape that some two thousand tests make up, when it is much.

    On a CPU each program holds ten memory maps and more, a Linux process may have 65,530, and one too many ends it
    without a word.
    """
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 20_000:
        import gc

        import jax

        jax.clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def browser():
    """Headless chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # the sandbox does not start for root
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, or a skip that says how to have it."""
    folder = os.environ.get("JAXMUSIC_TEST_DATA")
    if not folder:
        pytest.skip("JAXMUSIC_TEST_DATA is unset: set it to the folder that holds the real data sets")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"JAXMUSIC_TEST_DATA={folder} is no folder")
    return path
