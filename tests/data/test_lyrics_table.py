"""The 31-column table: whole, broken, and from the web."""

import csv
import http.server
import threading

import jax
import numpy as np
import pytest

from jaxmusic import data
from jaxmusic.data._download import download
from jaxmusic.data._lyrics_table import COLUMNS, FEATURES, FILE_NAME, GENRE_COUNTS


def _row(i, genre, **changed):
    row = dict.fromkeys(COLUMNS, "0.5") | {
        "": str(i),
        "artist_name": f"artist {i % 5}",
        "track_name": f"song {i}",
        "release_date": "1999",
        "genre": genre,
        "lyrics": f"word{i} love night",
        "topic": "music",
    }
    return row | changed


def _write(path, rows, columns=COLUMNS, encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


GOOD = [_row(i, ("jazz", "rock")[i % 2]) for i in range(20)]


def test_a_subset_is_read_and_named(tmp_path):
    _write(tmp_path / FILE_NAME, GOOD)
    found = data.lyrics_table(tmp_path)
    assert len(found) == 20
    assert found.modalities["features"].shape == (20, 22)
    assert found.modalities["features"].dtype == np.float32
    assert found.source["is_complete"] is False
    assert found.source["extent"] == "a part: 20 of 28,372 songs"
    assert found.labels["year"][0] == "1999"
    assert sum(GENRE_COUNTS.values()) == 28_372
    assert len(COLUMNS) == 31


def test_the_complete_table_is_known_by_its_counts(tmp_path):
    genres = [genre for genre, count in GENRE_COUNTS.items() for _ in range(count)]
    path = _write(tmp_path / "all.csv", [_row(i, genre) for i, genre in enumerate(genres)])
    assert data.lyrics_table(path).source["is_complete"] is True
    four = data.lyrics_table(path, genres=("hip hop", "jazz", "reggae", "rock"))
    assert (len(four), four.source["is_complete"]) == (11_281, True)
    train, test = data.split(jax.random.key(0), four, (0.8, 0.2))
    assert (len(train), len(test)) == (9_024, 2_257)
    # One song under another genre: the total is right, the counts are not.
    genres[0] = "jazz"
    path = _write(tmp_path / "all.csv", [_row(i, genre) for i, genre in enumerate(genres)])
    assert data.lyrics_table(path).source["is_complete"] is False


def test_features_come_in_the_documents_order(tmp_path):
    row = _row(0, "jazz", **{name: str(i / 100) for i, name in enumerate(FEATURES)})
    path = _write(tmp_path / FILE_NAME, [row, *GOOD], columns=[*reversed(COLUMNS)])
    np.testing.assert_allclose(data.lyrics_table(path).modalities["features"][0], np.arange(22) / 100, rtol=1e-6)


def test_unusable_rows_are_left_out_and_counted(tmp_path):
    bad = [
        _row(20, "jazz", valence="nan"),
        _row(21, "jazz", valence=""),
        _row(22, "jazz", energy="1.5"),
        _row(23, "jazz", lyrics="  "),
        _row(24, "polka"),
        _row(25, "blues"),
    ]
    found = data.lyrics_table(_write(tmp_path / FILE_NAME, GOOD + bad))
    assert len(found) == 20
    assert found.source["dropped"] == {
        "valence is no number": 2,
        "energy outside [0, 1]": 1,
        "empty lyrics": 1,
        "unknown genre 'polka'": 1,
        "the only song of its genre (blues)": 1,
    }


def test_a_repeated_song_is_counted_and_stays_on_one_side(tmp_path):
    again = [_row(100 + i, "jazz", artist_name="Artist 1", track_name="Song 1 ") for i in range(6)]
    found = data.lyrics_table(_write(tmp_path / FILE_NAME, GOOD + again))
    assert found.source["counts"]["songs that occur again (kept on one side)"] == 6
    for seed in range(5):
        train, test = data.split(jax.random.key(seed), found, (0.8, 0.2))
        assert not set(found.labels["song"][train]) & set(found.labels["song"][test])


@pytest.mark.parametrize("column", ["genre", "lyrics", "valence", "world/life"])
def test_a_missing_column_is_named(tmp_path, column):
    path = _write(tmp_path / FILE_NAME, GOOD, columns=[name for name in COLUMNS if name != column])
    with pytest.raises(ValueError, match=f"{FILE_NAME} has no column '{column}'"):
        data.lyrics_table(path)


def test_files_that_are_no_table_are_refused(tmp_path):
    path = tmp_path / FILE_NAME
    path.write_text("<!DOCTYPE html><html>Sign in</html>")
    with pytest.raises(ValueError, match="web page"):
        data.lyrics_table(path)
    path.write_text("")
    with pytest.raises(ValueError, match="empty"):
        data.lyrics_table(path)
    _write(path, [])
    with pytest.raises(ValueError, match="no row"):
        data.lyrics_table(path)
    _write(path, [_row(0, "jazz", artist_name="pérez")], encoding="latin-1")
    with pytest.raises(ValueError, match="not UTF-8"):
        data.lyrics_table(path)
    with pytest.raises(OSError, match="is no file"):
        data.lyrics_table(tmp_path / "none.csv")
    _write(path, [_row(0, "polka")])
    with pytest.raises(ValueError, match="no usable song"):
        data.lyrics_table(path)
    with pytest.raises(ValueError, match="polka"):
        data.lyrics_table(path, genres=("polka",))


def test_lyrics_alone_need_four_columns(tmp_path):
    path = _write(tmp_path / "l.csv", GOOD, columns=["artist_name", "track_name", "genre", "lyrics"])
    found = data.lyrics_table(path, lyrics_only=True)
    assert len(found) == 20
    assert not found.masks["features"].any()


def test_the_embedded_corpus_has_the_tables_shape(tmp_path):
    path = data.write_lyrics_table(jax.random.key(0), 60, tmp_path)
    found = data.lyrics_table(path)
    assert len(found) == 60
    assert found.source["dropped"] == {}
    assert path.read_text().splitlines()[0] == ",".join(COLUMNS)
    again = data.write_lyrics_table(jax.random.key(0), 60, tmp_path / "again")
    assert path.read_bytes() == again.read_bytes()


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if self.path == "/missing.csv":
            self.send_error(404)
            return
        body = self.server.body
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        truncated = self.path == "/truncated.csv" and self.server.truncates
        self.wfile.write(body[: len(body) // 2] if truncated else body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    running.asked, running.truncates = 0, True
    running.body = _write(tmp_path / "served.csv", GOOD).read_bytes()
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    running.address = f"http://127.0.0.1:{running.server_port}"
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def test_a_download_is_kept_and_not_asked_for_again(server, tmp_path):
    for _ in range(2):
        found = data.lyrics_table(f"{server.address}/table.csv", cache=tmp_path / "cache", progress=False)
        assert len(found) == 20
    assert server.asked == 1


def test_a_missing_address_says_so(server, tmp_path):
    with pytest.raises(OSError, match=r"could not be downloaded.*404"):
        data.lyrics_table(f"{server.address}/missing.csv", cache=tmp_path / "cache", progress=False)


def test_a_truncated_body_leaves_nothing_and_a_second_try_ends(server, tmp_path):
    cache = tmp_path / "cache"
    with pytest.raises(OSError, match="could not be downloaded"):
        data.lyrics_table(f"{server.address}/truncated.csv", cache=cache, progress=False)
    assert not list(cache.iterdir())
    server.truncates = False
    assert len(data.lyrics_table(f"{server.address}/truncated.csv", cache=cache, progress=False)) == 20


def test_a_web_page_in_the_tables_place_is_not_kept(server, tmp_path):
    server.body = b"<html>moved</html>"
    with pytest.raises(ValueError, match="web page"):
        data.lyrics_table(f"{server.address}/table.csv", cache=tmp_path / "cache", progress=False)
    assert not list((tmp_path / "cache").iterdir())


def test_a_server_that_does_not_answer_is_an_error(tmp_path):
    with pytest.raises(OSError, match="could not be downloaded"):
        download("http://127.0.0.1:9/table.csv", folder=tmp_path, progress=False)


def test_real_samples(real_data):
    found = data.lyrics_table(real_data / "lyrics_1950_2019")
    assert len(found) == 1000
    assert found.source["dropped"] == {}
    counts = {genre: int((found.labels["genre"] == genre).sum()) for genre in GENRE_COUNTS}
    assert counts == {"pop": 248, "country": 200, "blues": 171, "jazz": 134, "rock": 131, "reggae": 85, "hip hop": 31}
    sample = data.lyrics_table(real_data / "lyrics_1950_2019" / "lyrics_sample.csv", lyrics_only=True)
    assert len(sample) == 5675
