"""Sound files → the addresses a page plays them from, and short previews that it holds itself."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

# MPEG's lower rate that halves CD's: a third of the bytes, and music is still recognised.
_PREVIEW_RATE = 22_050
_LONGEST_PREVIEW = 60.0
_COMPRESSION = 0.9  # of 0 to 1: some 26 kbit/s


def links(files: Mapping[str, Path], folder: Path, page: Path, root: str | None) -> dict[str, str]:
    """id → URL of its file: below `root` where one is given, else relative to the page; specials escaped."""
    if root is None:
        return {name: _relative(path, page) for name, path in files.items()}
    start = root.rstrip("/")
    return {name: f"{start}/{quote(path.relative_to(folder).as_posix())}" for name, path in files.items()}


def checked_root(root: str | None) -> tuple[str | None, str]:
    """A music root as a URL, and the origin that a page's policy must allow beside its own.

    Args:
        root: a folder, absolute or as seen from the page, or an address with http or https; None for none.

    Raises:
        ValueError: another scheme, user name or password, a query or a fragment.

    >>> checked_root("https://nas.local:8080/my music")
    ('https://nas.local:8080/my%20music', 'https://nas.local:8080')
    >>> checked_root("../Music")
    ('../Music', '')
    """
    if root is None:
        return None, ""
    if root.startswith(("http://", "https://")):
        parts = urlsplit(root)
        # What stands before an @ is a user's name; the others have a meaning in the page's policy.
        if not parts.hostname or parts.query or parts.fragment or set(parts.netloc) & set("@'\"<>;, "):
            raise ValueError(f"--music-root {root!r}: give scheme, host and path alone, such as https://host/music")
        origin = f"{parts.scheme}://{parts.netloc}"
        return origin + quote(parts.path, safe="/%"), origin
    if "://" in root:
        raise ValueError(f"--music-root {root!r}: give a folder, or an address with http or https")
    if Path(root).is_absolute():
        return Path(root).as_uri(), ""
    if not root.strip():
        raise ValueError("--music-root is empty: name a folder or an address")
    path = quote(Path(root).as_posix())
    # A leading ./ keeps a name with a colon from reading as a scheme.
    return path if path.startswith("..") else f"./{path}", ""


def check_preview(seconds: float | None) -> None:
    """Refuse a length of previews that is none.

    Raises:
        ValueError: not above 0, or longer than a minute.
    """
    if seconds is not None and not 0 < seconds <= _LONGEST_PREVIEW:
        raise ValueError(f"--embed-previews must be above 0 and at most {_LONGEST_PREVIEW:.0f} seconds, got {seconds}")


def previews(paths: Sequence[Path | None], seconds: float, *, progress: bool = False) -> list[bytes]:
    """The middle of each file as MP3 of one channel; b"" where there is no file or it can't be read."""
    from joblib import Parallel, delayed
    from tqdm import tqdm

    # Threads: decoding, resampling and encoding hold no lock of the interpreter.
    jobs = Parallel(n_jobs=-1, prefer="threads", return_as="generator")(
        delayed(_preview)(path, seconds) for path in paths
    )
    return list(tqdm(jobs, total=len(paths), desc="previews", disable=not progress))


def _preview(path: Path | None, seconds: float) -> bytes:
    import soundfile
    import soxr

    if path is None:
        return b""
    try:
        with soundfile.SoundFile(path) as file:
            wanted = round(seconds * file.samplerate)
            file.seek(max(0, (file.frames - wanted) // 2))
            samples, rate = file.read(wanted, dtype="float32", always_2d=True).mean(axis=1), file.samplerate
    except (soundfile.LibsndfileError, OSError):
        return b""
    if not len(samples):
        return b""
    y = soxr.resample(np.nan_to_num(samples), rate, _PREVIEW_RATE)
    out = io.BytesIO()
    soundfile.write(
        out, np.clip(y, -1, 1), _PREVIEW_RATE, format="MP3", subtype="MPEG_LAYER_III", compression_level=_COMPRESSION
    )
    return out.getvalue()


def _relative(path: Path, page: Path) -> str:
    try:
        relative = Path(os.path.relpath(path.resolve(), page.resolve().parent))
    except ValueError:  # another drive on Windows
        return path.resolve().as_uri()
    return "./" + quote(relative.as_posix())
