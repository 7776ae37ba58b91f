"""Ways through a library, and lists for other programs."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from jaxmusic import app
from jaxmusic.app.command_line import main
from jaxmusic.app.journeys import fingerprint, path_between, playlists


@pytest.fixture
def model(library_model):
    return library_model


@pytest.fixture
def saved(model, tmp_path):
    return str(app.save(model, tmp_path / "model"))


def test_a_way_makes_no_jump_larger_than_it_must(model):
    index = model.index
    names = index.ids[[0, 25]].tolist()
    way = path_between(model, *names)
    assert [way[0][0], way[-1][0]] == names
    largest = min(cosine for _, cosine in way)
    # Among all pairs of the two halves of any way one is at least as large: hold it against the bottleneck of all.
    places = model.places() / np.linalg.norm(model.places(), axis=1, keepdims=True)
    cosines = places @ places.T
    reach = {0}
    while True:
        more = {int(col) for row in reach for col in np.flatnonzero(cosines[row] > largest + 1e-5)} - reach
        if not more:
            break
        reach |= more
    assert 25 not in reach
    assert path_between(model, names[0], names[0]) == [(names[0], 1.0)]


def test_a_mix_goes_away_from_what_is_unlike(model):
    liked, away = model.index.ids[[2, 9]].tolist()
    with_it, without = model.like(liked, 40), model.like(liked, 40, unlike=away)
    units = model.places() / np.linalg.norm(model.places(), axis=1, keepdims=True)
    to_away = dict(zip(model.index.ids.tolist(), units @ units[model.row(away)], strict=True))
    assert away not in dict(without)
    mean = [np.mean([to_away[name] for name, _ in found[:10] if name != away]) for found in (with_it, without)]
    assert mean[1] < mean[0]


def test_a_table_of_plays_leads_to_what_is_like_it(model, library, tmp_path):
    plays = tmp_path / "plays.csv"
    titles = [library.titles[name] for name in library.ids[:3]]
    artists = [name.split("/")[0].upper() for name in library.ids[:3]]
    rows = [f"{a},{t}" for a, t in zip(artists, titles, strict=True)]
    plays.write_text("\n".join(["Artist,Track", rows[0], rows[0], rows[1], "Nobody,Nothing"]), encoding="utf-8")
    found = fingerprint(model, plays, 5)
    assert found.played == {model.row(library.ids[0]): 2.0, model.row(library.ids[1]): 1.0}
    assert found.unknown == ["Nobody – Nothing"]
    assert not {name for name, _ in found.clips} & set(library.ids[:2])
    plays.write_text(
        f'path,playcount\n"{library.folder / library.ids[2]}",12\n"{library.ids[3]}",x\n', encoding="utf-8"
    )
    with pytest.raises(ValueError, match=r"plays\.csv, line 3: 'x' is no number of plays"):
        fingerprint(model, plays)
    plays.write_text("when\n2020\n")
    with pytest.raises(ValueError, match="has no column id, path or title"):
        fingerprint(model, plays)


def test_playlists_hold_every_clip_once(model, saved, tmp_path, capsys):
    found = playlists(model)
    assert sorted(name for clips in found.values() for name in clips) == model.index.ids.tolist()
    assert main(["playlists", saved, "--out", str(tmp_path / "lists")]) == 0
    written = sorted((tmp_path / "lists").iterdir())
    assert len(written) == len(found)
    entries = [line for path in written for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert len(entries) == len(model.index.ids)
    assert all(Path(entry).is_file() for entry in entries)


def test_lists_for_programs(model, saved, library, tmp_path, capsys):
    one = library.titles[library.ids[5]]
    assert main(["recommend", saved, one, "--n", "2", "--paths"]) == 0
    paths = capsys.readouterr().out.splitlines()
    assert len(paths) == 2
    assert all(path.startswith(str(library.folder.resolve())) for path in paths)
    assert main(["search", saved, one, "--n", "2", "--json", "--m3u", str(tmp_path / "x.m3u8")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0] | {"score": 0} == {
        "id": library.ids[5],
        "score": 0,
        "path": str(library.folder.resolve() / library.ids[5]),
        "title": one,
        "artist": library.ids[5].split("/")[0],
        "album": library.ids[5].split("/")[1],
        "where": "title",
    }
    playlist = (tmp_path / "x.m3u8").read_text("utf-8").splitlines()
    assert playlist[:2] == ["#EXTM3U", f"#EXTINF:2,{library.ids[5].split('/')[0]} – {one}"]
    inside = library.folder.resolve() / "Lists" / "x.m3u8"
    assert main(["recommend", saved, one, "--n", "1", "--m3u", str(inside)]) == 0
    (entry,) = [line for line in inside.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert entry.startswith("../")
    assert (inside.parent / entry).is_file()
    shutil.rmtree(inside.parent)
    capsys.readouterr()
    assert main(["path", saved, library.ids[0], library.ids[7], "--paths"]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2
    assert main(["mix", saved, "--like", library.ids[0], "--like", library.ids[1], "--unlike", one, "--n", "3"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_vectors_for_other_programs(model, saved, tmp_path, capsys):
    assert main(["export", saved, "--out", str(tmp_path / "v.tsv"), "--space", "joint"]) == 0
    np.testing.assert_allclose(np.loadtxt(tmp_path / "v.tsv"), model.index.joint, rtol=1e-4, atol=1e-5)
    labels = (tmp_path / "v_metadata.tsv").read_text("utf-8").splitlines()
    assert len(labels) == len(model.index.ids) + 1
    assert labels[0].split("\t")[:3] == ["id", "path", "title"]
    assert main(["export", saved, "--out", str(tmp_path / "v.csv")]) == 1
    assert "ends with .tsv or .parquet" in capsys.readouterr().err
    assert main(["export", saved, "--space", "sound"]) == 1
    assert "'sound' is no space of the model: it has" in capsys.readouterr().err
