"""The official files on a hand-made folder, on the embedded corpus and, where it is, on the real part."""

import shutil
import sqlite3

import jax
import numpy as np
import pytest

from jaxmusic import data

SONGS = [
    # track, title, song, album, artist id, artist, duration, familiarity, hotttnesss, year
    ("TRA", "Blue", "SOA", "First", "AR1", "Ann", 200.0, 0.5, 0.4, 1999),
    ("TRB", "Red", "SOB", "First", "AR1", "Ann", 100.0, 0.5, float("nan"), 0),
    ("TRC", "Green", "SOC", "Only", "AR2", "Bob", 0.0, None, 0.2, 2001),
    ("TRD", "Green again", "SOC", "Only", "AR2", "Bob", 150.0, 0.1, 0.2, 2001),
    ("TRE", "Grey", "SOE", "Last", "AR3", "Cid", 150.0, 0.1, 0.2, 2001),
]
COLUMNS = ("track_id", "title", "song_id", "release", "artist_id", "artist_name", "duration", "artist_familiarity",
           "artist_hotttnesss", "year")  # fmt: skip


def _database(path, statements, rows=()):
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
        for table, values in rows:
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
    connection.close()


@pytest.fixture
def folder(tmp_path):
    _database(tmp_path / "track_metadata.db", [f"CREATE TABLE songs ({', '.join(COLUMNS)})"], [("songs", SONGS)])
    _database(
        tmp_path / "artist_term.db",
        ["CREATE TABLE artist_mbtag (artist_id, mbtag)", "CREATE TABLE artist_term (artist_id, term)"],
        [("artist_mbtag", [("AR1", "rock"), ("AR1", "jazz"), ("AR1", "rock"), ("AR2", "pop")])],
    )
    (tmp_path / "mxm_dataset_train.txt").write_text(
        "# comment\n%love,night,rain\nTRA,1,1:3,3:1\nTRB,2,4:1\nTRC,3,2:0\nTRX,4,1:1\n"
    )
    (tmp_path / "mxm_dataset_test.txt").write_text("%love,night,rain\nTRE,1,2:5\nTRA,1,1:1\n")
    (tmp_path / "train_triplets.txt").write_text(
        "u1\tSOA\t2\nu1\tSOB\t1\nu1\tSOA\t3\nnonsense\nu2\tSOC\t0\nu2\tSOC\t-4\nu2\tSOC\tmany\nu2\tSOC\t7\nu3\tSOZ\t1\n"
    )
    (tmp_path / "msd_tagtraum_cd1.cls").write_text("# comment\nTRA\tJazz\tVocal\nTRB\nTRX\tRap\n")
    return tmp_path


def test_tags_have_one_unicode_form_and_files_may_have_a_byte_order_mark(folder):
    plain = data.million_song(folder)
    with sqlite3.connect(folder / "artist_term.db") as connection:
        connection.executemany("INSERT INTO artist_mbtag VALUES ('AR3', ?)", [("caf\u00e9",), ("cafe\u0301",)])
    for name in ("mxm_dataset_train.txt", "mxm_dataset_test.txt", "train_triplets.txt", "msd_tagtraum_cd1.cls"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes().removeprefix(b"# comment\n"))
    found = data.million_song(folder)
    assert found.songs.modalities["tags"][4] == ("caf\u00e9",)
    assert found.users.tolist() == plain.users.tolist()
    np.testing.assert_array_equal(found.plays.toarray(), plain.plays.toarray())
    np.testing.assert_array_equal(found.bags.toarray(), plain.bags.toarray())
    assert found.songs.labels["genre"].tolist() == plain.songs.labels["genre"].tolist()


def test_a_word_that_a_bag_names_twice_counts_twice(folder):
    (folder / "mxm_dataset_train.txt").write_text("%love,night,rain\nTRA,1,1:3,1:2,3:1\n")
    assert data.million_song(folder).bags.toarray()[0].tolist() == [5, 0, 1]


def test_tables_are_joined_by_track_song_and_artist(folder):
    found = data.million_song(folder)
    songs = found.songs
    assert songs.ids.tolist() == ["TRA", "TRB", "TRC", "TRD", "TRE"]
    assert songs.modalities["tags"].tolist() == [("jazz", "rock"), ("jazz", "rock"), ("pop",), ("pop",), ()]
    assert songs.masks["tags"].tolist() == [True, True, True, True, False]
    assert songs.labels["genre"].tolist() == ["Jazz", "", "", "", ""]
    assert songs.groups.tolist() == ["AR1", "AR1", "AR2", "AR2", "AR3"]
    assert found.words.tolist() == ["love", "night", "rain"]
    assert found.bags.toarray().tolist() == [[3, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 5, 0]]
    assert songs.masks["lyrics"].tolist() == [True, False, False, False, True]
    assert found.users.tolist() == ["u1", "u2"]
    # A song of two tracks counts for the first; a pair that comes twice is summed.
    assert found.plays.toarray().tolist() == [[5, 1, 0, 0, 0], [0, 0, 7, 0, 0]]


def test_unknown_numbers_are_masked_and_never_nan(folder):
    songs = data.million_song(folder).songs
    assert songs.masks["artist_hotttnesss"].tolist() == [True, False, True, True, True]
    assert songs.masks["year"].tolist() == [True, False, True, True, True]
    assert songs.masks["duration"].tolist() == [True, True, False, True, True]
    assert songs.masks["artist_familiarity"].tolist() == [True, True, False, True, True]
    for name in ("artist_hotttnesss", "artist_familiarity", "year", "duration"):
        assert np.isfinite(songs.modalities[name]).all()


def test_what_is_left_out_is_counted_with_its_lines(folder):
    counts = data.million_song(folder).songs.source["counts"]
    assert counts["malformed triplet lines"] == "2 (train_triplets.txt:4, train_triplets.txt:7)"
    assert counts["triplet lines with a count below 1"] == "2 (train_triplets.txt:5, train_triplets.txt:6)"
    assert counts["malformed bag lines"] == "2 (mxm_dataset_train.txt:4, mxm_dataset_train.txt:5)"
    assert counts["malformed genre lines"] == "1 (msd_tagtraum_cd1.cls:3)"
    assert counts["plays of unknown or mismatched songs"] == 1
    assert counts["repeated pairs of user and song, summed"] == 1
    assert counts["bags of unknown tracks"] == 1
    assert counts["bags of a track that has one already"] == 1
    assert counts["distinct tag lists"] == 2
    assert counts["songs with tags"] == 4


def test_mismatched_songs_lose_their_plays(folder):
    (folder / "sid_mismatches.txt").write_text("ERROR: <SOA TRA> Ann - Blue  !=  Someone - Else\n")
    found = data.million_song(folder)
    assert found.plays.toarray()[0].tolist() == [0, 1, 0, 0, 0]
    assert found.songs.source["counts"]["plays of unknown or mismatched songs"] == 3


def test_taking_songs_takes_their_columns(folder):
    found = data.million_song(folder)
    for rows in (np.array([2, 0]), np.array([True, False, True, False, False])):
        part = found.take(rows)
        order = [2, 0] if rows.dtype != bool else [0, 2]
        assert part.songs.ids.tolist() == [found.songs.ids[i] for i in order]
        assert (part.plays.toarray() == found.plays.toarray()[:, order]).all()
        assert (part.bags.toarray() == found.bags.toarray()[order]).all()


def test_files_that_are_not_there_are_named(folder):
    for name in ("artist_term.db", "mxm_dataset_train.txt", "mxm_dataset_test.txt", "train_triplets.txt"):
        (folder / name).unlink()
    found = data.million_song(folder)
    assert found.songs.source["missing files"] == ["artist_term.db", "mxm_dataset_train.txt", "train_triplets.txt"]
    assert found.plays.shape == (0, 5)
    assert not found.songs.masks["tags"].any()
    with pytest.raises(FileNotFoundError, match=r"track_metadata\.db"):
        data.million_song(folder / "nowhere")


def test_a_missing_table_column_or_tag_is_named(folder):
    with pytest.raises(ValueError, match="artist_term is empty; try tags='mbtags'"):
        data.million_song(folder, tags="terms")
    (folder / "artist_term.db").unlink()
    _database(folder / "artist_term.db", ["CREATE TABLE artists (artist_id)"])
    with pytest.raises(ValueError, match="no table artist_mbtag, only artists"):
        data.million_song(folder)
    (folder / "track_metadata.db").unlink()
    _database(folder / "track_metadata.db", ["CREATE TABLE songs (track_id, title)"])
    with pytest.raises(ValueError, match="no column song_id, artist_id"):
        data.million_song(folder)


def test_a_database_that_is_truncated_locked_or_none_is_named(folder):
    path = folder / "track_metadata.db"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 100])
    with pytest.raises(ValueError, match=r"track_metadata\.db cannot be read: it is truncated"):
        data.million_song(folder)
    path.write_bytes(b"this is no database, and it is long enough to be looked at" * 20)
    with pytest.raises(ValueError, match="file is not a database; download it again"):
        data.million_song(folder)
    path.write_bytes(whole)
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ValueError, match="locked; close the program"):
        data.million_song(folder)
    holder.close()
    assert len(data.million_song(folder).songs) == 5


def test_bags_without_words_or_with_others_are_refused(folder):
    (folder / "mxm_dataset_test.txt").write_text("%love,night,snow\nTRE,1,2:5\n")
    with pytest.raises(ValueError, match=r"mxm_dataset_test\.txt, line 1: other words"):
        data.million_song(folder)
    (folder / "mxm_dataset_train.txt").write_text("TRA,1,1:3\n")
    with pytest.raises(ValueError, match=r"mxm_dataset_train\.txt, line 1: no line of words"):
        data.million_song(folder)


def test_the_embedded_corpus_goes_through_the_same_loader(tmp_path):
    key = jax.random.key(3)
    corpus = data.draw_corpus(key, 40, n_listeners=30)
    found = data.million_song(data.write_million_song(key, 40, tmp_path / "a", n_listeners=30))
    assert len(found.songs) == 40
    assert found.plays.shape == (30, 40)
    assert found.plays.sum() == corpus.histories["plays"].sum()
    assert sorted(found.songs.labels["genre"]) == sorted(corpus.factors["genre"])
    assert found.songs.masks["lyrics"].sum() == 32
    assert found.bags.shape[1] == len(found.words) > 50
    assert len(set(found.songs.ids)) == 40
    again = data.million_song(data.write_million_song(key, 40, tmp_path / "b", n_listeners=30))
    assert (again.plays != found.plays).nnz == 0
    assert again.songs.modalities["tags"].tolist() == found.songs.modalities["tags"].tolist()
    # Tags are the artist's.
    for artist in set(found.songs.groups):
        assert (
            len({t for t, a in zip(found.songs.modalities["tags"], found.songs.groups, strict=True) if a == artist})
            == 1
        )


def test_the_real_part_joins_as_its_provenance_says(real_data):
    counts = data.million_song(real_data / "msd").songs.source["counts"]
    expected = {
        "songs": 15095, "artists": 5611, "songs with tags": 7659, "songs with bag of words": 1895,
        "songs with genre": 1713, "songs with tags and bag of words": 1330, "songs with plays": 4942,
        "songs with plays and tags": 4254, "plays": 30324, "plays on songs with tags": 26220, "users": 1613,
    }  # fmt: skip
    assert {name: counts[name] for name in expected} == expected


def test_a_read_only_folder_is_read(folder, tmp_path):
    target = tmp_path / "copy"
    shutil.copytree(folder, target, ignore=lambda d, names: ["copy"] if "copy" in names else [])
    for path in target.iterdir():
        path.chmod(0o444)
    assert len(data.million_song(target).songs) == 5
