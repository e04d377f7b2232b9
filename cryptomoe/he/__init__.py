"""Homomorphic encryption: parameters, keys, packings, and the answers a server may send."""
