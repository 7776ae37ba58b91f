"""The embedded corpus as an instrument: reproducible, any size, and as informative as its description says."""

import time
import unicodedata
from pathlib import Path

import jax
import numpy as np
import pytest
import soundfile

from jaxmusic.data import clips
from jaxmusic.data.synthetic_corpus import Corpus, draw_corpus, render_corpus, synthetic, write_clips
from jaxmusic.data.synthetic_corpus.catalogue import TAGS, artist_name
from jaxmusic.data.synthetic_corpus.factors import GENRES, LANGUAGES, MODES, MOODS, TIMBRES
from jaxmusic.text import detect_language, words


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return draw_corpus(jax.random.key(5), 240)


def _equal(a: Corpus, b: Corpus, n: int) -> None:
    """The first `n` songs of both are the same in everything but the histories."""
    np.testing.assert_array_equal(a.ids[:n], b.ids[:n])
    np.testing.assert_array_equal(a.lyrics[:n], b.lyrics[:n])
    assert a.tags[:n] == b.tags[:n]
    for first, second in ((a.factors, b.factors), (a.metadata, b.metadata)):
        assert first.keys() == second.keys()
        for name in first:
            np.testing.assert_array_equal(first[name][:n], second[name][:n], err_msg=name)


def test_the_same_key_gives_the_same_corpus_and_another_key_another() -> None:
    first, again, other = (
        draw_corpus(key, 20) for key in (jax.random.key(3), jax.random.PRNGKey(3), jax.random.key(4))
    )
    _equal(first, again, 20)
    for name in first.histories:
        np.testing.assert_array_equal(first.histories[name], again.histories[name])
    np.testing.assert_array_equal(render_corpus(first, duration=1), render_corpus(again, duration=1))
    assert not set(first.lyrics) & set(other.lyrics)
    assert not np.array_equal(first.factors["tempo"], other.factors["tempo"])


@pytest.mark.parametrize("n", [1, 39, 40, 41])
def test_a_smaller_corpus_is_the_beginning_of_a_larger_one(corpus: Corpus, n: int) -> None:
    small = draw_corpus(jax.random.key(5), n)
    assert len(small.ids) == n
    _equal(small, corpus, n)
    last = n - 1
    np.testing.assert_array_equal(
        render_corpus(small, duration=0.5, rows=[last]), render_corpus(corpus, duration=0.5, rows=[last])
    )


def test_a_listener_does_not_depend_on_how_many_there_are() -> None:
    few, many = (draw_corpus(jax.random.key(0), 30, n_listeners=n) for n in (3, 9))
    for name in few.histories:
        played = np.isin(many.histories["user"], few.listeners.ids)
        np.testing.assert_array_equal(few.histories[name], many.histories[name][played])
    assert set(few.histories["user"]) == set(few.listeners.ids)


def test_a_clip_rendered_alone_is_the_clip_rendered_among_others(corpus: Corpus) -> None:
    together = render_corpus(corpus, duration=2, rows=[4, 0, 7])
    assert together.dtype == np.float32
    assert together.shape == (3, 44_100)
    for row, clip in enumerate((4, 0, 7)):
        np.testing.assert_array_equal(render_corpus(corpus, duration=2, rows=[clip])[0], together[row])


@pytest.mark.parametrize("duration", [0.5, 3.3, 40.0])
def test_any_duration_renders_and_a_shorter_one_is_the_beginning(corpus: Corpus, duration: float) -> None:
    y = render_corpus(corpus, duration=duration, rows=range(6))
    assert y.shape == (6, round(duration * 22_050))
    assert np.isfinite(y).all()
    assert np.abs(y).max() <= 1
    assert y[:, -5_000:].std(axis=1).min() > 1e-3  # music to the very end
    start = render_corpus(corpus, duration=0.4, rows=range(6))
    np.testing.assert_allclose(start, y[:, : start.shape[1]], atol=1e-6)


@pytest.mark.parametrize("sample_rate", [8_000, 48_000])
def test_the_sample_rate_changes_the_sampling_and_not_the_music(corpus: Corpus, sample_rate: int) -> None:
    """The loudness over time is the same: it is one performance, heard at two rates."""
    rates = (22_050, sample_rate)
    loudness = []
    for rate in rates:
        y = render_corpus(corpus, duration=4, sample_rate=rate, rows=[2])[0]
        loudness.append(np.sqrt((y.reshape(40, -1) ** 2).mean(axis=1)))
    assert np.corrcoef(loudness)[0, 1] > 0.9


def test_two_hundred_clips_of_ten_seconds_render_in_seconds() -> None:
    corpus = draw_corpus(jax.random.key(1), 200)
    started = time.perf_counter()
    for row in range(0, 200, 20):
        render_corpus(corpus, rows=range(row, row + 20))
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize(
    ("change", "message"),
    [({"n_clips": 0}, "n_clips"), ({"n_clips": -3}, "n_clips"), ({"n_listeners": -1}, "n_listeners")],
)
def test_impossible_sizes_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_corpus(jax.random.key(0), **{"n_clips": 2, **change})


@pytest.mark.parametrize("key", [0, np.zeros(2), np.zeros((3, 2), np.uint32)])
def test_what_is_no_key_is_refused(key: object) -> None:
    with pytest.raises(ValueError, match="jax random key"):
        draw_corpus(key, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan"), float("inf"), 1e-6])
def test_impossible_durations_are_refused(corpus: Corpus, duration: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        render_corpus(corpus, duration=duration, rows=[0])
    with pytest.raises(ValueError, match="duration"):
        synthetic(jax.random.key(0), 2, duration=duration)


def test_a_clip_shorter_than_a_window_has_no_spectrogram() -> None:
    with pytest.raises(ValueError, match="less than one window"):
        synthetic(jax.random.key(0), 2, duration=0.05)


@pytest.mark.parametrize("hop_length", [0, -512])
def test_an_impossible_hop_is_refused(hop_length: int) -> None:
    with pytest.raises(ValueError, match="hop_length"):
        synthetic(jax.random.key(0), 2, duration=1, hop_length=hop_length)


def test_an_impossible_sample_rate_is_refused(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="sample_rate"):
        render_corpus(corpus, sample_rate=0, rows=[0])


def test_factors_take_their_values_and_only_the_stated_pairs_depend() -> None:
    factors = draw_corpus(jax.random.key(8), 2_000, n_listeners=0).factors
    values: dict[str, tuple[str, ...]] = {"genre": (*GENRES,), "mood": (*MOODS,), "language": LANGUAGES}
    values |= {"mode": MODES, "timbre": TIMBRES}
    for name, expected in values.items():
        assert set(factors[name].tolist()) == set(expected)
    for name, genre in GENRES.items():
        tempo = factors["tempo"][factors["genre"] == name]
        assert genre.tempo[0] <= tempo.min()
        assert tempo.max() <= genre.tempo[1]
        assert len(tempo) > 0.6 * 2_000 / len(GENRES)

    def dependence(a: str, b: str) -> float:
        """Cramér's V: 0 where two factors are independent, 1 where one settles the other."""
        rows, columns = (np.unique(factors[name], return_inverse=True)[1] for name in (a, b))
        table = np.zeros((rows.max() + 1, columns.max() + 1))
        np.add.at(table, (rows, columns), 1)
        independent = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
        return float(np.sqrt(((table - independent) ** 2 / independent).sum() / table.sum() / (min(table.shape) - 1)))

    for a, b in (
        ("genre", "mood"),
        ("genre", "language"),
        ("mood", "language"),
        ("mood", "timbre"),
        ("genre", "theme"),
    ):
        assert dependence(a, b) < 0.08, (a, b)
    for a, b in (("genre", "timbre"), ("mood", "mode"), ("mood", "theme"), ("genre", "groove")):
        assert dependence(a, b) > 0.25, (a, b)
    assert abs(np.corrcoef(factors["density"], factors["energy"])[0, 1]) < 0.06


def test_artists_have_several_songs_and_a_genre_of_their_own(corpus: Corpus) -> None:
    artists, sizes = np.unique(corpus.metadata["artist"], return_counts=True)
    assert sizes.max() >= 4
    assert 30 < len(artists) < 100
    own = []
    for artist in artists[sizes >= 3]:
        songs = corpus.metadata["artist"] == artist
        assert len(np.unique(corpus.metadata["artist_hotness"][songs])) == 1
        own.append(np.unique(corpus.factors["genre"][songs], return_counts=True)[1].max() / songs.sum())
    assert 0.7 < np.mean(own) < 1
    names = [artist_name(corpus.seed, artist, "bn") for artist in range(2_000)]
    assert len(set(names)) == len(names)


def test_metadata_are_in_range(corpus: Corpus) -> None:
    table = corpus.metadata
    assert set(table) == {"title", "album", "artist", "duration", "year", "artist_hotness"}
    unknown = table["year"] == 0
    assert 0.03 < unknown.mean() < 0.2
    assert ((table["year"][~unknown] > 1960) & (table["year"][~unknown] < 2030)).all()
    assert ((table["duration"] > 60) & (table["duration"] < 900)).all()
    assert ((table["artist_hotness"] >= 0) & (table["artist_hotness"] <= 1)).all()
    assert all(title and title == title.strip() for title in table["title"])


# No word may begin with one of these (so neither "rocking" nor the Bangla for "happiness", in any case form) ...
_LABEL_STEMS = (
    *GENRES,
    *MOODS,
    *MODES,
    *TIMBRES,
    "english",
    "bangla",
    "bengal",
    "happi",
    "anger",
    "বাংলা",
    "ইংরেজি",
    "সুখ",
    "খুশি",
    "আনন্দ",
    "শান্ত",
    "দুঃখ",
    "বিষণ্ন",
    "রাগী",
    "ক্রোধ",
    "জ্যাজ",
    "লোকগীতি",
)
# ... nor be one of these, which begin others.
_LABEL_WORDS = ("hip", "রাগ", "রক")


def test_nothing_states_a_label(corpus: Corpus) -> None:
    texts = [*corpus.lyrics, *corpus.metadata["title"], *corpus.metadata["album"], *corpus.metadata["artist"]]
    texts += [tag for values in TAGS.values() for tags in values.values() for tag in tags]
    said = {word for text in texts for word in words(text)}
    assert len(said) > 1_000
    stems = tuple(unicodedata.normalize("NFC", stem) for stem in _LABEL_STEMS)
    assert [word for word in said if word.startswith(stems)] == []
    assert said.isdisjoint(_LABEL_WORDS)


def test_lyrics_are_songs_of_their_language_and_all_different(corpus: Corpus) -> None:
    assert len(set(corpus.lyrics)) == len(corpus.lyrics)
    for text, language in zip(corpus.lyrics, corpus.factors["language"], strict=True):
        assert detect_language(text) == language
        assert unicodedata.is_normalized("NFC", text)
        stanzas = text.split("\n\n")
        assert 4 <= len(stanzas) <= 7
        assert stanzas[1] == stanzas[-1]  # the refrain returns
        scripts = {unicodedata.name(letter).split(" ")[0] for letter in text if letter.isalpha()}
        assert scripts == {"BENGALI" if language == "bn" else "LATIN"}


def test_tags_fit_more_often_than_not(corpus: Corpus) -> None:
    given = [tag for tags in corpus.tags for tag in tags]
    assert 2 < len(given) / len(corpus.tags) < 10
    genre_of = {tag: genre for genre, tags in TAGS["genre"].items() for tag in tags}
    fits = [
        genre_of[tag] == genre
        for tags, genre in zip(corpus.tags, corpus.factors["genre"], strict=True)
        for tag in tags
        if tag in genre_of
    ]
    assert 0.5 < np.mean(fits) < 0.95


def test_histories_favour_tastes(corpus: Corpus) -> None:
    histories, listeners = corpus.histories, corpus.listeners
    user = np.searchsorted(listeners.ids, histories["user"])
    song = np.searchsorted(corpus.ids, histories["song"])
    assert len(set(zip(user.tolist(), song.tolist(), strict=True))) == len(user)  # a pair appears once
    assert histories["plays"].min() >= 1
    assert len(listeners.ids) == 480
    genre = np.searchsorted(list(GENRES), corpus.factors["genre"])
    played = listeners.genre[user, genre[song]].mean()
    shuffled = listeners.genre[user, np.random.default_rng(0).permutation(genre[song])].mean()
    assert played > 1.5 * shuffled
    # What fits best is played most often.
    often = histories["plays"] >= 5
    assert listeners.genre[user, genre[song]][often].mean() > listeners.genre[user, genre[song]][~often].mean()
    hot = corpus.metadata["artist_hotness"]
    assert hot[song].mean() > hot.mean()


def test_write_clips_makes_a_folder_that_loads_as_the_same_data(tmp_path: Path) -> None:
    corpus = draw_corpus(jax.random.key(5), 4, n_listeners=0)
    write_clips(corpus, tmp_path / "clips", duration=1.5)
    for name, y in zip(corpus.ids, render_corpus(corpus, duration=1.5), strict=True):
        read, rate = soundfile.read(tmp_path / "clips" / "audio" / f"{name}.wav", dtype="float32")
        assert rate == 22_050
        np.testing.assert_allclose(read, y, atol=2**-14)
    loaded = clips(tmp_path / "clips", n_jobs=1, progress=False)
    made = synthetic(jax.random.key(5), 4, duration=1.5)
    np.testing.assert_array_equal(loaded.ids, made.ids)
    np.testing.assert_array_equal(loaded.modalities["lyrics"], made.modalities["lyrics"])
    np.testing.assert_array_equal(loaded.groups, made.groups)
    np.testing.assert_array_equal(loaded.labels["genre"], made.labels["genre"])
    np.testing.assert_array_equal(loaded.labels["tempo"].astype(float), made.labels["tempo"])
    # Sixteen bits are coarser than floats only where there is next to nothing to hear.
    assert np.abs(loaded.modalities["audio"] - made.modalities["audio"]).mean() < 0.05


def test_rows_may_be_a_mask_and_must_exist(corpus: Corpus) -> None:
    mask = np.arange(len(corpus.ids)) == 3
    np.testing.assert_array_equal(
        render_corpus(corpus, duration=0.5, rows=mask), render_corpus(corpus, duration=0.5, rows=[3])
    )
    assert render_corpus(corpus, duration=0.5, rows=[]).shape == (0, 11_025)
    with pytest.raises(IndexError):
        render_corpus(corpus, duration=0.5, rows=[len(corpus.ids)])
