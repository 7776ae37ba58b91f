"""The benchmark of the map page: its clips, and that little of it works."""

import shutil

import numpy as np
import pytest

from benchmarks import map_page


def test_the_clips_are_those_of_their_seed():
    page, again, other = (map_page.synthetic_page(80, seed=seed) for seed in (0, 0, 1))
    assert page.titles == again.titles != other.titles
    np.testing.assert_array_equal(page.places, again.places)
    assert len(set(page.ids)) == 80
    assert all(len(text.split()) == 200 for text in page.lyrics)
    assert map_page.synthetic_page(3, ["a", "b"]).lyrics == ["a", "b", "a"]


@pytest.mark.skipif(
    shutil.which("chromium") is None or shutil.which("chromedriver") is None,
    reason="chromium and chromedriver are not installed: apt-get install chromium chromium-driver",
)
def test_it_measures():
    pytest.importorskip("selenium", reason="selenium is not installed")
    table = map_page.measure(map_page.Options(clips=(60,), rounds=1, seconds=0.3, queries=5))
    [row] = table["rows"]
    found = dict(zip(table["columns"], row, strict=True))
    assert found["clips"] == "60"
    assert 0.1 < found["MB"] < 2
    assert 0 < found["opened, s"] < 60
    assert 0 < found["pan, frames/s"] < 200
    assert 0 < found["zoom, frames/s"] < 200
    assert found["searches that hold"] == 1
