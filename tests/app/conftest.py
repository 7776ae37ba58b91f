"""A small folder of clips with hostile names, and a model of it."""

import csv
import dataclasses
import json
import shutil
import unicodedata
from pathlib import Path
from typing import NamedTuple

import jax
import pytest

from jaxmusic import app, data
from jaxmusic.app.page.document import document
from jaxmusic.app.running import keep_compiled_umap
from tests.app.page_file import plain_page
from tests.music_folders import add_oddities, write_library

SMALL = app.Settings(
    sound=None, n_mels=32, duration=2.0, audio_dim=8, lyrics_dim=8, latent=4, width=16, epochs=3, batch=8
)
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
GOLDEN = Path(__file__).parent.parent / "golden" / "transformer_bert"
# In the place of clips 0, 1 and 2.
NAMES = ('it\'s "quoted" #1 100% <b>&amp;', "আমার গান", "party 🎉 <script>alert(1)")


class Music(NamedTuple):
    folder: Path
    ids: list[str]
    lyrics: list[str]


def write_music(folder: Path, n: int = 12, *, lyrics: bool = True) -> Music:
    """Clips of the embedded corpus, some of whose names, lyrics and labels try to be markup."""
    corpus = data.draw_corpus(jax.random.key(0), n, n_listeners=0)
    data.write_clips(corpus, folder, duration=2.0)
    ids, texts = corpus.ids.tolist(), corpus.lyrics.tolist()
    for row, name in enumerate(NAMES[:n]):
        (folder / "audio" / f"{ids[row]}.wav").rename(folder / "audio" / f"{name}.wav")
        ids[row] = name
    texts[0] = f"{HOSTILE} thunder thunder"
    with (folder / "lyrics.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "lyrics"), *zip(ids, texts, strict=True)])
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        genres = [HOSTILE, *corpus.factors["genre"].tolist()[1:]]
        csv.writer(file).writerows([("id", "genre"), *zip(ids, genres, strict=True)])
    if not lyrics:
        (folder / "lyrics.csv").unlink()
    return Music(folder, ids, texts if lyrics else [""] * n)


@pytest.fixture(scope="session", autouse=True)
def compiled_umap():
    """UMAP is compiled once on this machine, as for the command line."""
    keep_compiled_umap()


@pytest.fixture(scope="session")
def music(tmp_path_factory):
    return write_music(tmp_path_factory.mktemp("it's <my> music 🎵"))


@pytest.fixture(scope="session")
def model(music):
    return app.fit(music.folder, SMALL)


@pytest.fixture(scope="session")
def page(model, music, tmp_path_factory):
    return app.write_map(model, music.folder, tmp_path_factory.mktemp("pages") / "map.html", clusters=3).path


@pytest.fixture(scope="session")
def write_page(tmp_path_factory):
    """Writes a page of `plain_page` with changes and returns its path."""
    folder = tmp_path_factory.mktemp("plain")

    def written(**changes):
        path = folder / f"{len(list(folder.iterdir()))}.html"
        path.write_text(document(plain_page(**changes)), encoding="utf-8", newline="")
        return path

    return written


@pytest.fixture(scope="session")
def six(write_page):
    return write_page()


@pytest.fixture(scope="session")
def silent_model(tmp_path_factory):
    """Fitted on a folder without lyrics."""
    music = write_music(tmp_path_factory.mktemp("silent"), lyrics=False)
    return music, app.fit(music.folder, SMALL)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    """A tiny random BERT that knows letters."""
    folder = Path(shutil.copytree(GOLDEN, tmp_path_factory.mktemp("encoders") / "it's tiny"))
    letters = "abcdefghijklmnopqrstuvwxyz"
    marks = [*letters, *(f"##{letter}" for letter in letters)]
    size = json.loads((folder / "config.json").read_text())["vocab_size"]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *marks][:size]
    (folder / "vocab.txt").write_text("\n".join(words))
    return folder


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """Nested folders, nine formats, and what else lies about."""
    folder = tmp_path_factory.mktemp("a library")
    library = write_library(folder / "Músic", 42)
    add_oddities(library, folder / "outside")
    for path in library.folder.glob("?*.wav"):
        if unicodedata.normalize("NFC", path.stem) == "é":
            path.unlink()
    return library


@pytest.fixture(scope="session")
def library_model(library):
    return app.fit(library.folder, dataclasses.replace(SMALL, epochs=2))
