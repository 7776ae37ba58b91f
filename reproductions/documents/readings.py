"""Ways to read a loss of squared error and β · KL whose reduction a document leaves open."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """How the two parts of the loss are summed."""

    error: str  # squared error over the elements of a row: "mean" or "sum"
    divergence: str  # KL over the latents: "sum", "mean", or "batch", which sums over the rows of a batch, too
    what: str

    def beta(self, beta: float, latent: int, batch: int) -> float:
        """Weight of the KL summed over the latents and averaged over the rows of a batch, as `losses` have it."""
        return beta * {"sum": 1.0, "mean": 1 / latent, "batch": batch}[self.divergence]


READINGS = {
    "mean_sum": Reading("mean", "sum", "error averaged over elements, KL summed over latents"),
    "mean_mean": Reading("mean", "mean", "error and KL averaged, as PyTorch's means over a batch are"),
    "sum_sum": Reading("sum", "sum", "both summed: the evidence lower bound"),
    "mean_batch": Reading("mean", "batch", "error averaged as by PyTorch's mse_loss, KL summed over the batch, too"),
}
