"""Packings of matrices into ciphertext slots."""
