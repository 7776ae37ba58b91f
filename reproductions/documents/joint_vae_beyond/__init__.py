"""Beyond the Joint VAE document: repairs and extensions against references."""
