"""Multimodal VAEs by likelihood and coherence."""
