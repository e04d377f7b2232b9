"""The specification: what every functionality computes, as plain functions on integers."""
