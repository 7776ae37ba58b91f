"""Numbers of docs/multimodal_vae.md, see `docs/page_numbers.py`."""

from collections.abc import Callable

from docs.page_numbers import Value, report, table

corpus = report("multimodal_vae/synthetic")
songs = report("multimodal_vae/clips_en_de")
MODELS = ("document", "average", "MVAE", "MMVAE", "MoPoE", "MVTCAE")
NATS = (
    "log p(all)",
    "log p(words given sound)",
    "log density of words generated from sound",
)
SHARES = ("coherence", "R@10", "silhouette", "ARI", "active units")


def _tables(source: Callable[..., Value]) -> str:
    rows = [(name, f"models.{name}") for name in MODELS]
    chance = [("chance", "models.chance")]
    return "\n\n".join(
        [
            table(source, "model", NATS, rows, ".2f±"),
            table(source, "model", SHARES, [*rows, *chance], ".3f±"),
        ]
    )


def on_the_embedded_corpus() -> str:
    return _tables(corpus)


def on_real_songs() -> str:
    return _tables(songs)


def coherence_by_direction() -> str:
    return table(
        corpus,
        "embedded corpus",
        [
            "sound to words",
            "sound to tags",
            "words to sound",
            "words to tags",
            "tags to sound",
            "tags to words",
        ],
        [
            *((name, f"coherence.{name}") for name in MODELS),
            ("the classifier on real rows", "coherence.real"),
        ],
        ".2f±",
    )


def rankings() -> str:
    measures = (*NATS, *SHARES[:2], "ARI")
    lines = [
        "| silhouette against | embedded corpus | real songs |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {measure} | {corpus('ranks.silhouette', measure):.2f±} | {songs('ranks.silhouette', measure):.2f±} |"
        for measure in measures
    ]
    return "\n".join(lines)
