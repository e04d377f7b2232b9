"""Reading checkpoints and prompts, and turning real weights into fixed-point integers."""
