"""Unsupervised Representation Learning for Hybrid-Language Music Clustering Using Variational Autoencoders."""
