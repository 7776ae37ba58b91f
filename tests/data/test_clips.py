"""Folders of clips: what is read, what is masked, and what bad input leads to."""

import unicodedata

import numpy as np
import pytest

from jaxmusic.data import clips


def write_mels(folder, shapes, seed=0):
    """Random spectrograms by id, as `folder/mels/<id>.npy`."""
    (folder / "mels").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    arrays = {name: rng.uniform(-80, 0, shape).astype(np.float32) for name, shape in shapes.items()}
    for name, array in arrays.items():
        np.save(folder / "mels" / f"{name}.npy", array)
    return arrays


def write_texts(folder, texts):
    """`folder/lyrics/<id>.txt`."""
    (folder / "lyrics").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / "lyrics" / f"{name}.txt").write_text(text, encoding="utf-8")


def whys(dataset):
    return {entry["file"]: entry["why"] for entry in dataset.source["dropped"]}


@pytest.fixture
def folder(tmp_path):
    """Three clips with mels and lyrics."""
    write_mels(tmp_path, {"a": (4, 6), "b": (1, 4, 6), "c": (4, 6)})
    write_texts(tmp_path, {"a": "la vie\n", "b": "the moon", "c": "আমার সোনার বাংলা"})
    return tmp_path


def test_mels_and_text_files_in_one_order(folder):
    data = clips(folder)
    assert data.ids.tolist() == ["a", "b", "c"]
    assert data.modalities["lyrics"].tolist() == ["la vie", "the moon", "আমার সোনার বাংলা"]
    assert data.modalities["audio"].shape == (3, 4, 6)
    assert data.modalities["audio"].dtype == np.float32
    for row, name in enumerate(data.ids):
        stored = np.load(folder / "mels" / f"{name}.npy")
        np.testing.assert_array_equal(data.modalities["audio"][row], stored.reshape(4, 6))
    assert all(mask.all() for mask in data.masks.values())
    assert data.groups is None
    assert data.source["counts"] == {
        "clips": 3,
        "with_audio": 3,
        "with_lyrics": 3,
        "with_both": 3,
        "dropped": 0,
        "unknown_labels": 0,
    }


def test_a_clip_without_lyrics_or_without_audio_stays_with_its_mask_off(folder):
    (folder / "lyrics" / "b.txt").write_text(" \n", encoding="utf-8")
    write_texts(folder, {"words only": "no music"})
    write_mels(folder, {"aa": (4, 6)})
    data = clips(folder)
    assert data.ids.tolist() == ["a", "aa", "b", "c", "words only"]
    assert data.masks["lyrics"].tolist() == [True, False, False, True, True]
    assert data.masks["audio"].tolist() == [True, True, True, True, False]
    assert data.masks["frames"].all(axis=1).tolist() == [True, True, True, True, False]
    assert not data.masks["frames"][4].any()
    # The filler of an absent spectrogram is silence, the lowest value there is, and not a loud 0 dB.
    assert (data.modalities["audio"][4] == data.modalities["audio"][:4].min()).all()
    assert data.modalities["lyrics"][2] == ""
    np.testing.assert_array_equal(data.modalities["audio"][3], np.load(folder / "mels" / "c.npy"))
    assert "1 of 4 lyrics are empty" in data.source["notes"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_any_real_dtype_becomes_float32(tmp_path, dtype):
    (tmp_path / "mels").mkdir()
    stored = np.arange(-12, 0).reshape(1, 3, 4).astype(dtype)
    np.save(tmp_path / "mels" / "x.npy", stored)
    audio = clips(tmp_path).modalities["audio"]
    assert audio.dtype == np.float32
    np.testing.assert_array_equal(audio[0], stored[0])


def test_shorter_clips_are_padded_with_their_own_floor_and_masked(tmp_path):
    arrays = write_mels(tmp_path, {"long": (4, 9), "short": (4, 5)})
    data = clips(tmp_path)
    assert data.modalities["audio"].shape == (2, 4, 9)
    assert data.masks["frames"].sum(axis=1).tolist() == [9, 5]
    np.testing.assert_array_equal(data.modalities["audio"][1, :, :5], arrays["short"])
    assert (data.modalities["audio"][1, :, 5:] == arrays["short"].min()).all()


def test_duration_crops_and_is_counted(tmp_path):
    arrays = write_mels(tmp_path, {"long": (4, 50), "short": (4, 5)})
    # 0.2 s at 1,000 Hz is 200 samples: frames 0 to 10 at hops of 20.
    data = clips(tmp_path, duration=0.2, sr=1000, hop_length=20)
    assert data.modalities["audio"].shape == (2, 4, 11)
    np.testing.assert_array_equal(data.modalities["audio"][0], arrays["long"][:, :11])
    assert data.masks["frames"].sum(axis=1).tolist() == [11, 5]
    assert data.source["audio"]["cropped"] == 1
    assert clips(tmp_path, sr=1000, hop_length=1000).modalities["audio"].shape[2] == 31  # 30 s unless told


def test_the_table_wins_over_text_files_and_says_so(folder):
    (folder / "lyrics.csv").write_text('id,filename,lyrics\na,a.npy,"one, two\nthree"\nb,b.npy,\n', encoding="utf-8")
    data = clips(folder)
    assert data.modalities["lyrics"].tolist() == ["one, two\nthree", "", ""]
    assert any("lyrics.csv is read and lyrics/ is not; 1 of its 3 files" in note for note in data.source["notes"])


def test_a_numbered_table_finds_its_clips_by_file_name(folder):
    (folder / "lyrics.csv").write_text("id,filename,lyrics\n1,a.npy,eins\n2,b.mp3,zwei\n3,,drei\n", encoding="utf-8")
    data = clips(folder)
    assert dict(zip(data.ids, data.modalities["lyrics"], strict=True)) == {
        "3": "drei",
        "a": "eins",
        "b": "zwei",
        "c": "",
    }


def test_mels_win_over_audio_and_it_is_said(folder):
    (folder / "audio").mkdir()
    (folder / "audio" / "z.wav").write_bytes(b"")
    data = clips(folder)
    assert data.ids.tolist() == ["a", "b", "c"]
    assert data.source["audio"]["from"] == "mels"
    assert data.source["notes"] == ["mels/ is read and audio/ is not; 1 of its 1 files have no mel spectrogram"]


def test_bangla_names_in_any_normal_form_meet(tmp_path):
    name = "আমায় গান"
    decomposed, composed = unicodedata.normalize("NFD", name + " é"), unicodedata.normalize("NFC", name + " é")
    assert decomposed != composed
    write_mels(tmp_path, {decomposed: (4, 6)})
    text = unicodedata.normalize("NFD", "কোথায় é")
    (tmp_path / "lyrics.csv").write_text(f"id,lyrics\n{composed},{text}\n", encoding="utf-8-sig")
    data = clips(tmp_path)
    assert data.ids.tolist() == [composed]
    assert data.modalities["lyrics"][0] == unicodedata.normalize("NFC", text)
    assert data.masks["lyrics"].all()


def test_labels_are_aligned_and_gaps_are_empty(folder):
    (folder / "labels.csv").write_text("id,mood,year\nc,calm,1999\na,wild,\nzz,lost,1\n", encoding="utf-8")
    data = clips(folder)
    assert {name: values.tolist() for name, values in data.labels.items()} == {
        "mood": ["wild", "", "calm"],
        "year": ["", "", "1999"],
    }
    assert data.source["counts"]["unknown_labels"] == 1
    assert any("1 rows of labels.csv are of no clip here" in note for note in data.source["notes"])
    assert any("1 clips have no row" in note for note in data.source["notes"])


@pytest.mark.parametrize(
    ("header", "rows", "group_by", "expected"),
    [
        ("id,artist,song", ["a,x,s", "b,x,s", "c,x,t"], "auto", ["s", "s", "t"]),  # clips share songs
        ("id,artist,song", ["a,x,s", "b,x,t", "c,y,u"], "auto", ["x", "x", "y"]),  # each song once
        ("id,artist", ["a,x", "b,x", "c,"], "auto", ["x", "x", ""]),
        ("id,genre", ["a,x", "b,x", "c,y"], "auto", None),
        ("id,artist,song", ["a,x,s", "b,x,s", "c,x,t"], "artist", ["x", "x", "x"]),
        ("id,artist,song", ["a,x,s", "b,x,s", "c,x,t"], None, None),
    ],
)
def test_groups(folder, header, rows, group_by, expected):
    (folder / "labels.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    groups = clips(folder, group_by=group_by).groups
    assert (groups is None) if expected is None else groups.tolist() == expected


def test_attribution_is_carried(folder):
    (folder / "PROVENANCE.md").write_text(
        "# clips\n\n- Source: somewhere,\n  on the web.\n- Other: no.\n- Licence: CC BY 4.0.\n\nMore.\n",
        encoding="utf-8",
    )
    (folder / "labels.csv").write_text(
        "id,artist,song,licence\na,Ann,One,CC BY\nb,Ann,One,CC BY\nc,Bob,Two,CC0\n", encoding="utf-8"
    )
    assert clips(folder).source["attribution"] == {
        "files": ["PROVENANCE.md"],
        "statements": ["Source: somewhere, on the web.", "Licence: CC BY 4.0."],
        "licences": {"CC BY": 2, "CC0": 1},
        "credits": ["Ann / One / CC BY", "Bob / Two / CC0"],
    }


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such folder: .*nowhere"):
        clips(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [(), ("mels",), ("audio", "mels"), ("lyrics",)])
def test_a_folder_without_clips(tmp_path, content):
    for name in content:
        (tmp_path / name).mkdir()
    if "lyrics" in content:
        write_texts(tmp_path, {"a": "words"})
    with pytest.raises(FileNotFoundError, match=r"holds no sound: no file in it.*no mels/<id>\.npy"):
        clips(tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (np.array([[0.0], [np.nan], [np.inf], [1.0]]), "2 of 4 values are NaN or infinite"),
        (np.zeros((2, 3, 4)), r"its shape (2, 3, 4) is neither"),
        (np.zeros((4, 0)), "its shape (4, 0) is neither"),
        (np.zeros((4, 6), complex), "its values are complex128"),
        (np.array([["a", "b"]]), "its values are <U1"),
        (np.array([[None]], dtype=object), "not a readable .npy file"),
        (b"", "not a readable .npy file"),
        (b"\x93NUMPY", "not a readable .npy file"),
    ],
)
def test_a_broken_mel_is_skipped_and_counted(folder, content, why):
    path = folder / "mels" / "broken.npy"
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content, allow_pickle=True)
    data = clips(folder)
    assert data.ids.tolist() == ["a", "b", "c"]
    assert data.source["counts"]["dropped"] == 1
    assert why in whys(data)["mels/broken.npy"]


def test_a_truncated_mel_is_skipped(folder):
    path = folder / "mels" / "b.npy"
    path.write_bytes(path.read_bytes()[:-5])
    data = clips(folder)
    # Its lyrics are whole, so the clip stays, without audio.
    assert data.masks["audio"].tolist() == [True, False, True]
    assert list(whys(data)) == ["mels/b.npy"]


def test_a_long_broken_mel_does_not_set_the_length(folder):
    np.save(folder / "mels" / "long.npy", np.full((4, 99), np.nan))
    assert clips(folder).modalities["audio"].shape == (3, 4, 6)


def test_no_readable_mel_at_all(tmp_path):
    (tmp_path / "mels").mkdir()
    (tmp_path / "mels" / "a.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of 1 files in .*mels can be read; .*a\.npy"):
        clips(tmp_path)


def test_two_numbers_of_bands_name_both_files(folder):
    write_mels(folder, {"d": (8, 6)})
    with pytest.raises(ValueError, match=r"a\.npy has 4 mel bands and .*d\.npy has 8"):
        clips(folder)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id,filename\na,a.npy\n", r"lyrics\.csv has no column 'lyrics'"),
        ("name,lyrics\na,la\n", r"lyrics\.csv has no column 'id'.*'name,lyrics'"),
        ("id;lyrics\na;la\n", r"no column 'id', 'lyrics'.*separated by commas"),
        ("", r"no column 'id', 'lyrics'"),
        ("id,lyrics\na,la\nb,lo\na,li\n", r"lyrics\.csv: 1 values of 'id' occur more than once: a;"),
        ("id,lyrics\na,la\n,lo\n", "1 of 2 rows have an empty 'id'"),
        ("id,lyrics\na,la, la, la\n", "line 2: 4 values for 2 columns"),
        ("id,lyrics\na\n", "line 2: 1 values for 2 columns"),
        ('id,lyrics\na,"la\n', "line 2"),
        ("id,filename,lyrics\n1,a.npy,la\na,x,li\n", "two rows hold the lyrics of clip 'a'"),
    ],
)
def test_a_malformed_lyrics_table(folder, table, message):
    (folder / "lyrics.csv").write_text(table, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        clips(folder)


@pytest.mark.parametrize("name", ["lyrics.csv", "labels.csv"])
def test_a_latin_1_table_names_the_byte_and_the_fix(folder, name):
    content = "id,lyrics\na,la\nb,été\n".encode("latin-1")
    (folder / name).write_bytes(content)
    position = content.index(b"\xe9")
    with pytest.raises(ValueError, match=rf"{name} is not UTF-8: byte {position} \(line 3\) is 0xe9.*iconv -f LATIN1"):
        clips(folder)


def test_a_latin_1_text_file_is_skipped_and_counted(folder):
    (folder / "lyrics" / "a.txt").write_bytes("été".encode("latin-1"))
    data = clips(folder)
    assert data.masks["lyrics"].tolist() == [False, True, True]
    assert "not UTF-8: byte 0" in whys(data)["lyrics/a.txt"]


def test_all_lyrics_empty_leave_all_masks_off(folder):
    write_texts(folder, {"a": "", "b": " ", "c": "\n"})
    data = clips(folder)
    assert not data.masks["lyrics"].any()
    assert data.source["counts"]["with_lyrics"] == 0
    assert "3 of 3 lyrics are empty" in data.source["notes"]


def test_no_lyrics_at_all_is_noted(tmp_path):
    write_mels(tmp_path, {"a": (4, 6)})
    data = clips(tmp_path)
    assert not data.masks["lyrics"].any()
    assert data.source["notes"] == ["no lyrics.csv and no lyrics/<id>.txt: every clip is without lyrics"]


def test_ids_that_never_meet_give_a_warning(tmp_path):
    write_mels(tmp_path, {"a": (4, 6)})
    write_texts(tmp_path, {"A.": "words"})
    with pytest.warns(UserWarning, match="no lyrics are of any clip"):
        clips(tmp_path)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("song,artist\na,x\n", r"labels\.csv has no column 'id'"),
        ("id,artist\na,x\na,y\n", "occur more than once"),
        ("id,artist\na\n", "1 values for 2 columns"),
    ],
)
def test_a_malformed_label_table(folder, table, message):
    (folder / "labels.csv").write_text(table, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        clips(folder)


def test_an_unknown_group_column(folder):
    (folder / "labels.csv").write_text("id,artist\na,x\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"group_by='album' is no column of labels\.csv: \['artist'\]"):
        clips(folder, group_by="album")


def test_hidden_files_are_no_clips(folder):
    (folder / "mels" / "._a.npy").write_bytes(b"resource fork")
    assert clips(folder).source["counts"]["dropped"] == 0


def test_real_english_and_german_clips(real_data):
    data = clips(real_data / "clips_en_de")
    assert data.modalities["audio"].shape == (800, 64, 640)
    assert all(mask.all() for mask in data.masks.values())
    assert len(np.unique(data.groups)) == 444
    assert data.source["groups"] == "artist"
    assert data.source["audio"] == {
        "from": "mels",
        "n_mels": 64,
        "frames": 640,
        "lowest_dB": -80.0,
        "highest_dB": 40.5,
        "cropped": 0,
    }
    assert data.source["attribution"]["files"] == ["PROVENANCE.md"]
    assert any("Licence: none stated" in line for line in data.source["attribution"]["statements"])


@pytest.mark.parametrize("form", ["{}.wav", "music/{}.mp3", "C:\\\\music\\\\{}.flac", "{}.npy", "{}"])
def test_tables_may_name_files_in_the_place_of_clips(folder, form):
    (folder / "labels.csv").write_text("id,artist\n" + "".join(f"{form.format(c)},{c.upper()}\n" for c in "abc"))
    (folder / "lyrics.csv").write_text("id,lyrics\n" + "".join(f"{form.format(c)},la {c}\n" for c in "abc"))
    found = clips(folder)
    assert found.labels["artist"].tolist() == found.groups.tolist() == ["A", "B", "C"]
    assert found.modalities["lyrics"].tolist() == ["la a", "la b", "la c"]


def test_a_point_in_a_clips_name_is_no_ending(tmp_path):
    write_mels(tmp_path, {"song.1": (4, 6), "song.2": (4, 6)})
    (tmp_path / "labels.csv").write_text("id,artist\nsong.1,X\nsong.2.wav,Y\n")
    assert clips(tmp_path).labels["artist"].tolist() == ["X", "Y"]


def test_labels_of_no_clip_are_an_error_as_groups_would_vanish(folder):
    (folder / "labels.csv").write_text("id,artist\nx,X\ny,Y\n")
    with pytest.raises(ValueError, match=r"labels\.csv: none of its 2 rows is of a clip here: it names 'x'"):
        clips(folder)
    (folder / "labels.csv").write_text("id,artist\na,X\na.wav,Y\n")
    with pytest.raises(ValueError, match="two rows hold the labels of clip 'a'"):
        clips(folder)
