"""What each command of `jaxmusic` does, once its arguments are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jaxmusic._locks import held
from jaxmusic.app import commands

if TYPE_CHECKING:
    from jaxmusic.app.model import MusicModel


def run(command: Any) -> None:
    """Run a command and print what it found.

    Raises:
        ValueError, OSError, FloatingPointError: what is to be mended, in one line.
    """
    runs: dict[type, Callable[[Any], None]] = {
        commands.Fit: _fit,
        commands.Update: _update,
        commands.Map: _map,
        commands.Search: _search,
        commands.Recommend: _recommend,
        commands.Way: _way,
        commands.Mix: _mix,
        commands.Fingerprint: _fingerprint,
        commands.Playlists: _playlists,
        commands.Export: _export,
    }
    runs[type(command)](command)


def _fit(command: commands.Fit) -> None:
    from jaxmusic.app import unfinished
    from jaxmusic.app.fitting import fit
    from jaxmusic.app.model_folder import check_place, save

    # Before the work, not after it.
    check_place(command.out)
    with held(command.out):
        work = command.out / unfinished.FOLDER
        if work.is_dir():
            print(
                f"a fit to {command.out} was stopped before: what it computed is used for the same clips and settings"
            )
        keep_compiled_umap()
        model = fit(command.folder, command.settings, cache=command.cache, work=work, progress=not command.quiet)
        save(model, command.out)
        unfinished.remove(command.out)
    for note in model.notes:
        print(f"note: {note}")
    index = model.index
    counts = f"{index.has_audio.sum()} with sound, {index.has_lyrics.sum()} with lyrics"
    print(f"{len(index.ids)} clips ({counts}) → {command.out}")
    for line in _measured(model):
        print(line)


def _measured(model: MusicModel) -> list[str]:
    """What was measured, beside chance, and whether it is better."""
    from jaxmusic.app.spaces import is_no_better_than_chance

    told = []
    if scores := model.scores:
        recall, chance = scores["recall@10"], scores["chance/recall@10"]
        verdict = "; no better than chance" if is_no_better_than_chance(recall, chance, int(scores["pairs"])) else ""
        told.append(
            f"search by lyrics among {scores['pairs']:.0f} clips that training did not see: "
            f"recall@10 {recall:.3f} (chance {chance:.3f}), "
            f"MRR {scores['mrr']:.3f} (chance {scores['chance/mrr']:.3f}){verdict}"
        )
    if sentence := model.space_scores.sentence(model.space):
        told.append(f'"more like this": {sentence}')
    return told


def _update(command: commands.Update) -> None:
    from jaxmusic.app.model_folder import load, save
    from jaxmusic.app.surveying import survey

    with held(command.model):
        model = load(command.model)
        folder = command.folder or model.index.folder
        keep_compiled_umap()
        found = survey(model, folder, cache=command.cache, progress=not command.quiet)
        for reason in found.dropped:
            print(f"note: left out: {reason}")
        moved = [f"{old} → {new}" for old, new in found.moved.items()]
        told = {"new": found.added, "changed": found.changed, "moved": moved, "no longer there": found.removed}
        for what, names in told.items():
            if names:
                print(f"{len(names)} {what}: {_some(names)}")
        save(replace(model, index=found.clips, cluster_names=found.cluster_names), command.model)
        print(f"{len(found.clips.ids)} clips → {command.model}")


def _map(command: commands.Map) -> None:
    from jaxmusic.app.model_folder import load
    from jaxmusic.app.page import write_map

    keep_compiled_umap()
    drawn = write_map(
        load(command.model, text=command.text),
        command.folder,
        command.out,
        clusters=command.clusters,
        music_root=command.music_root,
        preview_seconds=command.embed_previews,
        cache=command.cache,
        progress=not command.quiet,
    )
    for reason in drawn.dropped:
        print(f"note: left out: {reason}")
    if drawn.removed:
        print(f"note: {len(drawn.removed)} clips of the fit are no longer in the folder: {_some(drawn.removed)}")
    if drawn.added:
        print(f"note: {len(drawn.added)} clips are new since the fit: {_some(drawn.added)}")
    previews = f", {drawn.preview_size / 1e6:.1f} MB of previews in it" if drawn.preview_size else ""
    print(f"{drawn.clips} clips → {drawn.path} ({drawn.size / 1e6:.1f} MB{previews})")


def _search(command: commands.Search) -> None:
    from jaxmusic.app import listing
    from jaxmusic.app.model_folder import load

    model, words = load(command.model, text=command.text), " ".join(command.words)
    found = model.search(words, command.output.n)
    if command.output.paths or command.output.json or command.output.m3u:
        # Of a clip that holds the words and sounds like them the first is enough.
        first = {hit.id: hit for hit in reversed(found)}
        _list(model, [hit for hit in found if first[hit.id] is hit], command.output)
        return
    literal = [hit for hit in found if hit.where != "sound"]
    for hit, line in zip(literal, listing.lines(model.index, [hit[:2] for hit in literal]), strict=True):
        print(f"{line}  ({hit.where})")
    if alike := [hit[:2] for hit in found if hit.where == "sound"]:
        print("sounds like these words:")
        print("\n".join(listing.lines(model.index, alike)))


def _recommend(command: commands.Recommend) -> None:
    from jaxmusic.app.model_folder import load

    model = load(command.model)
    _list(model, model.like(command.clips, command.output.n), command.output)


def _way(command: commands.Way) -> None:
    from jaxmusic.app.journeys import path_between
    from jaxmusic.app.model_folder import load

    model = load(command.model)
    _list(model, path_between(model, command.first, command.last), command.output)


def _mix(command: commands.Mix) -> None:
    from jaxmusic.app.model_folder import load

    model = load(command.model)
    _list(model, model.like(command.like, command.output.n, unlike=command.unlike), command.output)


def _fingerprint(command: commands.Fingerprint) -> None:
    from jaxmusic.app.journeys import fingerprint
    from jaxmusic.app.model_folder import load

    model = load(command.model)
    found = fingerprint(model, command.plays, command.output.n)
    _list(model, found.clips, command.output)
    if found.unknown and not (command.output.paths or command.output.json):
        print(f"note: {len(found.unknown)} rows are of no clip here: {_some(found.unknown)}")


def _playlists(command: commands.Playlists) -> None:
    from jaxmusic.app import listing
    from jaxmusic.app.journeys import playlists
    from jaxmusic.app.model_folder import load

    model = load(command.model)
    for name, clips in playlists(model).items():
        # What no file system takes in a name, and a point at its start or end.
        safe = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', " ", name).strip(" .")[:80]
        out = command.out / f"{safe}.m3u8"
        print(f"{listing.write_playlist(out, model.index, clips)} clips → {out}")


def _export(command: commands.Export) -> None:
    from jaxmusic.app import listing
    from jaxmusic.app.model_folder import load

    model = load(command.model)
    for path in listing.write_vectors(command.out, model.index, command.space or model.space):
        print(f"{len(model.index.ids)} clips → {path}")


def _list(model: MusicModel, found: Sequence[Any], output: commands.Output) -> None:
    """Clips as `Output` wants them."""
    from jaxmusic.app import listing

    names = [entry[0] for entry in found]
    if output.json:
        print(listing.entries(model.index, found))
    elif output.paths:
        print("".join(f"{path}\n" for path in listing.paths(model.index, names)), end="")
    else:
        print("".join(f"{line}\n" for line in listing.lines(model.index, [entry[:2] for entry in found])), end="")
    if output.m3u is not None:
        count = listing.write_playlist(output.m3u, model.index, names)
        if not (output.json or output.paths):
            print(f"{count} clips → {output.m3u}")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def keep_compiled_umap() -> None:
    """Keep UMAP's programs on disk: most of its time on a few thousand clips is compilation; Numba says where."""
    import umap.layouts
    import umap.umap_
    import umap.utils
    from numba.core.dispatcher import Dispatcher

    for module in (umap.umap_, umap.utils, umap.layouts):
        for function in list(vars(module).values()):
            if isinstance(function, Dispatcher) and function.py_func.__module__ == module.__name__:
                try:
                    function.enable_caching()
                except RuntimeError:  # no place to write to: it compiles every time, as it does without this
                    return
