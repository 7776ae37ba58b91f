"""Numbers of docs/scaling.md, see `docs/page_numbers.py`."""

from docs.page_numbers import Value, benchmark

b_scaling = benchmark("scaling-amd-epyc-2-cores")
b_audio = benchmark("audio-amd-epyc-2-cores")
b_vae = benchmark("vae-amd-epyc-2-cores")
b_chips = benchmark("accelerators-amd-epyc-2-cores")
# Of the documents themselves, or bounds of what is measured.
GIVEN = {"17.5"}


def what_growth_costs_measured() -> str:
    return f"""\
Two cores, [all figures and their machine](../benchmarks/RESULTS.md): an FC-VAE's epoch grows with the rows to the power {b_scaling("Seconds of an epoch", "rows, exponent, largest three", "seconds of an epoch"):.2f}
(1,000 to 256,000), and with the seeds to the power {b_scaling("Seconds of an epoch", "seeds, exponent, largest three", "seconds of an epoch"):.2f} (one after the other on a CPU). Virtual devices share the two cores, so
eight of them show what sharding costs there (four times the seconds), not what devices gain. A ConvVAE that trains on clips
from all over a store of {b_scaling("Training on a store that is larger than memory allows", "disk", "its size, GB"):.0f} GB takes {b_scaling("Training on a store that is larger than memory allows", "disk", "peak memory, MiB").over(1024):.1f} GiB of memory, and {b_scaling("Training on a store that is larger than memory allows", "disk", "seconds of the epoch"):.1f} s where the same clips in memory take {b_scaling("Training on a store that is larger than memory allows", "memory", "seconds of the epoch"):.1f} s.
"""


def a_million_songs_of_30_table() -> str:
    return f"""\
| step | measured | a million songs |
| --- | --- | --- |
| 57 feature columns from files | {b_audio("Files → the 57 columns of features_30_sec.csv", "jaxmusic", "per second"):.1f} files of 17.5 s a second | {Value(1714285.7).over(b_audio("Files → the 57 columns of features_30_sec.csv", "jaxmusic", "per second")).over(3600):.0f} hours on two cores; grows with seconds of music |
| mel spectrograms on disk, 128 × 1,290 float32 | 660 kB each | 660 GB; 330 GB as float16 |
| memory of extraction | below 1 GiB for 100,000 files | the same: it does not grow with files |
| an FC-VAE's epoch | {b_vae("Training", "FC-VAE, 256 columns", "samples per second"):,.0f} rows a second | {Value(1000000).over(b_vae("Training", "FC-VAE, 256 columns", "samples per second")):.0f} s |
| a ConvVAE's epoch, 128 × 215 (5 s) | {b_vae("Training", "ConvVAE, 128 × 215", "samples per second"):.0f} clips a second | {Value(1000000).over(b_vae("Training", "ConvVAE, 128 × 215", "samples per second")).over(3600):.1f} hours on two cores |
| the same at 128 × 1,290 (30 s) | six times the elements | {Value(6000000).over(b_vae("Training", "ConvVAE, 128 × 215", "samples per second")).over(3600):.0f} hours an epoch on two cores: work for accelerators |
| the same on one TPU v5e, compiled, not run | {_chips("ConvVAE, 1 × v5e, 256, float32", "ms at the bandwidth"):.0f} ms a step of 256 clips, were its memory's bandwidth all that bounds it | {_chips("ConvVAE, 1 × v5e, 256, float32", "ms at the bandwidth").over(1000 * 60 * 256 / 1_000_000):.1f} minutes an epoch or more; reading 660 GB is not counted |
"""


def what_accelerators_need() -> str:
    memory = "temporary memory of a chip, MiB"
    return f"""\
| step of training, float32 where nothing else is said | chips | temporary memory of a chip, MiB |
| --- | --- | --- |
| ConvVAE, 32 spectrograms of 128 × 1,290 | 1 × v5e | {_chips("ConvVAE, 1 × v5e, 32, float32", memory):,.0f} |
| the same in bfloat16 | 1 × v5e | {_chips("ConvVAE, 1 × v5e, 32, bfloat16", memory):,.0f} |
| ConvVAE, 256 spectrograms of 128 × 1,290 | 1 × v5e | {_chips("ConvVAE, 1 × v5e, 256, float32", memory):,.0f} |
| the same | 8 × v5e | {_chips("ConvVAE, 8 × v5e, 256, float32", memory):,.0f} |
| LyricsClassifier, 4,096 songs of 512 positions | 1 × v5e | {_chips("LyricsClassifier, 1 × v5e, 4,096, float32", memory):.0f} |
| the same | 1 × H100 | {_chips("LyricsClassifier, 1 × h100, 4,096, float32", memory):.0f} |
| the same | 4 × H100 | {_chips("LyricsClassifier, 4 × h100, 4,096, float32", memory):.0f} |
"""


def _chips(program: str, column: str) -> Value:
    return b_chips("Programs for accelerators, compiled and not run", program, column)
