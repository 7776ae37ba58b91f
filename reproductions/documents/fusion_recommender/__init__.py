"""Multimodal Fusion Genre-Based Music Recommender."""
