"""Hybrid Multimodal Music Clustering via Joint VAE."""
