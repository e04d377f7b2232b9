"""Oblivious transfer and what is made of it: correlations, bit products, comparisons."""
