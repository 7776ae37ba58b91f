"""Feature tables and folders of genres: stacking, twins, what is wrong with a file, real tables."""

import csv
import shutil

import jax
import numpy as np
import pytest
import soundfile

from jaxmusic import audio, data
from jaxmusic.audio.summary import TABLE_COLUMNS


def _write(path, rows, columns=TABLE_COLUMNS):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "length", *columns, "label"])
        table.writerows(rows)
    return path


def _row(name, label, seed):
    return [name, 1000, *np.random.default_rng(seed).random(len(TABLE_COLUMNS)).round(6), label]


def test_tables_of_two_languages_are_stacked(tmp_path):
    english = _write(
        tmp_path / "a" / "features_30_sec.csv", [_row("metal.1.wav", "metal", 0), _row("jazz.1.wav", "jazz", 1)]
    )
    bangla = _write(tmp_path / "b.csv", [_row("Metal.1.wav", "Metal", 2), _row("Metal.2.wav", "Metal", 0)])
    found = data.feature_table({"english": english.parent, "bangla": bangla})
    assert found.labels["genre"].tolist() == ["english metal", "english jazz", "bangla metal", "bangla metal"]
    assert found.labels["genre_name"].tolist() == ["metal", "jazz", "metal", "metal"]
    assert found.ids.tolist() == ["english/metal.1", "english/jazz.1", "bangla/Metal.1", "bangla/Metal.2"]
    assert found.modalities["table"].shape == (4, 57)
    # The fourth row repeats the first's features: they share a group, so no split parts them.
    assert found.groups[0] == found.groups[3]
    assert len(set(found.groups)) == 3
    assert found.source["counts"]["repeats"] == 1
    table = dict(zip(TABLE_COLUMNS, found.modalities["table"].T, strict=True))
    np.testing.assert_allclose(found.modalities["mfcc"][:, 2], table["mfcc2_mean"])
    np.testing.assert_allclose(found.modalities["mfcc"][:, 3], np.sqrt(table["mfcc2_var"]), rtol=1e-6)
    np.testing.assert_allclose(found.modalities["descriptors"][:, 3], np.sqrt(table["chroma_stft_var"]), rtol=1e-6)


def test_rows_that_are_no_numbers_are_left_out_and_counted(tmp_path):
    rows = [_row(f"{i}.wav", "rock", i) for i in range(4)]
    rows[1][2], rows[2][5] = "loud", "nan"
    found = data.feature_table({"english": _write(tmp_path / "t.csv", rows)})
    assert len(found) == 2
    dropped = dict(found.source["dropped"])
    assert "'chroma_stft_mean'" in dropped["1.wav"]
    assert "'loud'" in dropped["1.wav"]
    assert "'rms_var'" in dropped["2.wav"]


def test_what_is_wrong_with_a_table_is_named(tmp_path):
    renamed = [name.replace("rolloff_mean", "roll_off") for name in TABLE_COLUMNS]
    path = _write(tmp_path / "renamed.csv", [_row("a.wav", "x", 0)], renamed)
    with pytest.raises(ValueError, match=r"renamed.csv has no column 'rolloff_mean'"):
        data.feature_table({"english": path})
    row = _row("a.wav", "x", 0)
    row[2] = "text"
    with pytest.raises(ValueError, match=r"no usable row: 1 of 1 fail in column 'chroma_stft_mean'"):
        data.feature_table({"english": _write(tmp_path / "text.csv", [row])})
    with pytest.raises(FileNotFoundError, match=r"features_30_sec.csv \(in the folder"):
        data.feature_table({"english": tmp_path})
    with pytest.raises(ValueError, match="no tables given"):
        data.feature_table({})


def _tone(path, frequency, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(round(seconds * 22_050)) / 22_050
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * frequency * t), 22_050)


def test_folders_of_genres_become_features_and_broken_files_are_listed(tmp_path):
    _tone(tmp_path / "gtzan" / "genres_original" / "jazz" / "jazz.00000.wav", 440)
    _tone(tmp_path / "gtzan" / "genres_original" / "rock" / "rock.00000.wav", 880, 0.7)
    broken = tmp_path / "gtzan" / "genres_original" / "jazz" / "jazz.00054.wav"
    broken.write_bytes(b"RIFF")
    _tone(tmp_path / "bangla" / "Folk" / "a.wav", 330)
    shutil.copy(tmp_path / "bangla" / "Folk" / "a.wav", tmp_path / "bangla" / "Folk" / "b.wav")
    for piece in range(2):
        _tone(tmp_path / "bangla" / "Folk" / f"c_{piece}.wav", 500 + 100 * piece)
    found = data.genre_folders(
        {"english": tmp_path / "gtzan", "bangla": tmp_path / "bangla"}, duration=1.0, progress=False
    )
    assert found.labels["genre"].tolist() == ["english jazz", "english rock", *["bangla folk"] * 4]
    assert [name for name, _ in found.source["dropped"]] == ["jazz.00054.wav"]
    # Equal features, and two pieces of one track.
    assert found.groups[2] == found.groups[3] != found.groups[4] == found.groups[5]
    assert found.source["groups"] == "clips with equal features, or one track (2 pieces of 1 tracks)"
    assert found.modalities["mfcc"].shape == (6, 52)
    y = audio.load(tmp_path / "gtzan" / "genres_original" / "rock" / "rock.00000.wav")
    cepstrum = np.asarray(audio.mfcc(y, n_mfcc=13))
    # A clip shorter than the duration has the moments of its own frames.
    np.testing.assert_allclose(
        found.modalities["mfcc"][1, :4],
        [
            cepstrum[0].mean(),
            cepstrum[0].std(),
            cepstrum[0].min(),
            cepstrum[0].max(),
        ],
        rtol=1e-4,
        atol=1e-3,
    )


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        data.genre_folders({"english": tmp_path / "nowhere"})
    _tone(tmp_path / "flat" / "a.wav", 440)
    with pytest.raises(FileNotFoundError, match="no subfolder with audio"):
        data.genre_folders({"english": tmp_path / "flat"})
    (tmp_path / "bad" / "jazz").mkdir(parents=True)
    (tmp_path / "bad" / "jazz" / "a.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no audio file of .* can be read"):
        data.genre_folders({"english": tmp_path / "bad"}, progress=False)


def test_a_balanced_sample_has_as_many_of_each(tmp_path):
    labels = {"language": np.array(["en"] * 30 + ["bn"] * 50)}
    songs = data.Dataset(ids=np.arange(80).astype(str), modalities={}, masks={}, labels=labels)
    rows = data.balanced_sample(jax.random.key(0), songs, 20)
    assert (labels["language"][rows] == "en").sum() == (labels["language"][rows] == "bn").sum() == 20
    assert np.all(np.diff(rows) > 0)
    np.testing.assert_array_equal(rows, data.balanced_sample(jax.random.key(0), songs, 20))
    assert not np.array_equal(rows, data.balanced_sample(jax.random.key(1), songs, 20))
    with pytest.raises(ValueError, match="no label of this data set"):
        data.balanced_sample(jax.random.key(0), songs, 2, by="country")


def test_the_real_tables_are_read_whole(real_data):
    found = data.feature_table({"english": real_data / "gtzan", "bangla": real_data / "banglabeats"})
    assert len(found) == 1000 + 1617
    assert len(set(found.labels["genre"])) == 18
    # 14 and 6 rows repeat another's.
    assert found.source["counts"]["repeats"] == 20


def test_synthetic_features_are_those_of_the_rendered_clips():
    found = data.synthetic_features(jax.random.key(0), 12, duration=1.0)
    assert found.modalities["mfcc"].shape == (12, 52)
    assert found.modalities["table"].shape == (12, 57)
    assert np.isfinite(found.modalities["table"]).all()
    assert "energy" in found.labels
    corpus = data.draw_corpus(jax.random.key(0), 12, n_listeners=0)
    y = data.render_corpus(corpus, duration=1.0, rows=np.arange(12))
    np.testing.assert_allclose(found.modalities["table"][:, 2], np.asarray(audio.rms(y)).mean((1, 2)), rtol=1e-3)


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["blues.00000", "blues.00001"], ["blues.00000", "blues.00001"]),
        (["blues.00000.wav", "song.1.mp3"], ["blues.00000", "song.1"]),
        (["rock/01.wav", "pop/01.wav"], ["rock/01", "pop/01"]),
        (["rock\\01.wav", "C:\\music\\02.wav"], ["01", "02"]),
        (["a.wav", "a.mp3", "b.au"], ["a.wav", "a.mp3", "b"]),
        (["cafe\u0301.wav"], ["caf\u00e9"]),
    ],
)
def test_names_lose_folder_and_ending_where_they_stay_distinct(tmp_path, names, ids):
    path = _write(tmp_path / "t.csv", [_row(name, "blues", seed) for seed, name in enumerate(names)])
    assert data.feature_table({"en": path}).ids.tolist() == [f"en/{name}" for name in ids]


def test_what_no_float32_holds_is_left_out_and_zero_has_no_sign(tmp_path):
    rows = [_row(f"{name}.wav", "blues", 0) for name in "abc"]
    rows[0][2] = "1e39"
    for row, zero in zip(rows[1:], ("0", "-0"), strict=True):
        row[2:-1] = [zero] * len(TABLE_COLUMNS)
    found = data.feature_table({"en": _write(tmp_path / "t.csv", rows)})
    assert found.ids.tolist() == ["en/b", "en/c"]
    assert found.groups[0] == found.groups[1]
    assert "1e39" in found.source["dropped"][0][1]
