"""Pieces of one track: what names and tables say, and splits that keep them together."""

import csv

import jax
import numpy as np
import pytest

from jaxmusic import data
from jaxmusic.audio.summary import TABLE_COLUMNS
from jaxmusic.data.tracks import joined_groups, tracks_by_name, tracks_of_files


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["a.0003.wav", "a.0004.wav"], ["b.0003.wav", "b.0004.wav"]),
        (["a_03", "a_04"], ["b-1", "b-2"]),
        (["My Song (live)_01", "My Song (live)_02"], ["Émile part 1", "Émile part 2"]),
        (["a_12s", "a_15s"], ["b_0.0", "b_3.0"]),
        (["a_start12.5", "a_start15"], ["b.chunk-03", "b.chunk-04"]),
        (["a_0-3", "a_27-30"], ["b [0s to 3s]", "b [3s to 6s]"]),
        (["a_000-003", "a_003-006"], ["b_12.5-15.5", "b_15.5-18.5"]),
        (["rock.00041.3", "rock.00041.4"], ["rock.00042.3", "rock.00042.4"]),
        (["rock.00041_00", "rock.00041_01"], ["rock.00001_03", "rock.00001_04"]),
        (["000123_1", "000123_2"], ["000124_1", "000124_2"]),
    ],
)
def test_pieces_of_a_track_are_known_by_their_names(first, second):
    tracks = tracks_by_name([*first, *second], ["rock"] * 4)
    assert tracks[0] == tracks[1] != tracks[2] == tracks[3]
    # The same names in another folder are another track's.
    assert not set(tracks) & set(tracks_by_name(first, ["jazz"] * 2))


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("blues", ["blues.00041.wav", "blues.00042.wav", "other_1.wav"]),
        ("hiphop", ["Hip-Hop.00001", "Hip-Hop.00002", "other_1"]),
        ("rock", ["track_01", "track_02", "Song 1", "Song 2"]),
        ("rock", ["bl.00001", "bl.00002", "bl.00003"]),
        ("rock", ["01 - Intro", "02 - Outro", "1979", "99 Luftballons", "Symphony No. 5", "Symphony No. 9"]),
    ],
)
def test_numbers_of_tracks_are_not_taken_for_pieces(folder, names):
    assert len(set(tracks_by_name(names, [folder] * len(names)))) == len(names)


def test_equal_features_and_tracks_join_and_keep_the_names_of_equal_ones():
    equal = np.array(["d", "c", "c", "b", "a"])
    groups, said = joined_groups(equal, ["x", "x", "y", "", ""])
    assert groups.tolist() == ["c", "c", "c", "b", "a"]
    assert said == "equal features, or one track (2 pieces of 1 tracks)"
    assert joined_groups(equal, [""] * 5)[0].tolist() == equal.tolist()


def test_a_table_of_clips_goes_before_the_names(tmp_path):
    files = ["jazz/a_0.wav", "jazz/a_1.wav", "jazz/b_0.wav", "jazz/b_1.wav"]
    by_name = ["jazz/a", "jazz/a", "jazz/b", "jazz/b"]
    assert tracks_of_files(tmp_path, files, "auto") == by_name
    assert tracks_of_files(tmp_path, files, None) == [""] * 4
    with pytest.raises(ValueError, match="group_by='singer' is neither"):
        tracks_of_files(tmp_path, files, "singer")
    table = tmp_path / "labels.csv"
    # One artist has two tracks; of the last piece nothing is said.
    table.write_text("id,artist,take\na_0,X,1\njazz/a_1.wav,X,2\njazz/b_0,X,3\n")
    assert tracks_of_files(tmp_path, files, "auto") == ["X", "X", "X", ""]
    assert tracks_of_files(tmp_path, files, "take") == ["1", "2", "3", ""]
    assert tracks_of_files(tmp_path, files, "name") == by_name
    table.write_text("id,artist\nz_0,X\n")
    with pytest.raises(ValueError, match="none of its 1 rows says the 'artist'"):
        tracks_of_files(tmp_path, files, "auto")


def test_tables_of_three_seconds_keep_the_pieces_of_a_track_together(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"blues.{track:05d}.{piece}.wav" for track in range(3) for piece in range(4)]
    with (tmp_path / "features_3_sec.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "length", *TABLE_COLUMNS, "label", "take"])
        table.writerows([name, 1, *rng.random(57).round(5), "blues", i % 2] for i, name in enumerate(names))
    places = {"english": tmp_path / "features_3_sec.csv"}
    found = data.feature_table(places)
    assert len(set(found.groups)) == 3
    parts = data.split(jax.random.key(0), found, (0.5, 0.5))
    assert not set(found.groups[parts[0]]) & set(found.groups[parts[1]])
    assert len(set(data.feature_table(places, group_by="take").groups)) == 2
    assert len(set(data.feature_table(places, group_by=None).groups)) == 12
