"""The protocols, one module per functionality, written against the arithmetic black box."""
