"""A file from the web into the user's cache, once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["cache_folder", "download", "is_url"]


def is_url(source: str | Path) -> bool:
    """Whether `source` is a web address.

    >>> is_url("https://example.org/a.csv"), is_url("data/a.csv")
    (True, False)
    """
    return str(source).startswith(("http://", "https://"))


def cache_folder() -> Path:
    """Where downloads are kept: `jaxmusic/downloads` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "jaxmusic" / "downloads"


def download(
    url: str, *, folder: Path | None = None, check: Callable[[Path], object] | None = None, progress: bool = True
) -> Path:
    """The file at `url`, fetched where the cache does not hold it yet.

    The body is written beside its place and moved there when it is whole, so that an interrupted download leaves
    nothing that a later call would take for the file.

    Args:
        url: http or https address.
        folder: the cache; default `cache_folder()`.
        check: called with the path of a fresh file; where it raises, the file is deleted.
        progress: show a progress bar.

    Returns:
        The path in the cache.

    Raises:
        OSError: the server does not answer, answers with an error, or sends less than it announced.
        ValueError: from `check`.
    """
    import pooch
    import requests

    folder = cache_folder() if folder is None else folder
    name = f"{pooch.utils.unique_file_name(url)}"
    existing = folder / name
    if existing.exists():
        return existing
    try:
        path = Path(
            pooch.retrieve(
                url,
                known_hash=None,
                fname=name,
                path=folder,
                progressbar=progress,
                downloader=pooch.HTTPDownloader(progressbar=progress, timeout=60),
            )
        )
    except (requests.exceptions.RequestException, OSError) as error:
        raise OSError(
            f"{url} could not be downloaded: {error}. Try again, or fetch the file yourself and give its path"
        ) from error
    if check is not None:
        try:
            check(path)
        except BaseException:
            # Whatever ended the check, nobody has found the file to be right.
            path.unlink(missing_ok=True)
            raise
    return path
