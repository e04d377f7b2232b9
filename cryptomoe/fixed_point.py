"""Scales and bounds of the fixed-point numbers, in bits; the specification states the same ones.

A real number r of scale s is the integer floor(r * 2^s), or as near to it as its source says.
"""

FRACTION_BITS = 13
"""Activations, logits and probabilities that are outputs."""
WEIGHT_BITS = 15
"""Entries of weight matrices."""
SCALE_BITS = 16
"""The element-wise factors of the q and k norms."""
ROPE_BITS = 14
"""Cosines and sines of the rotary embedding."""
EXP_BITS = 20
"""Values of the exponential, routing probabilities, and the inverse of a root mean square."""
ACTIVATION_BOUND = 1 << 23
"""Activations are below 2^10 in size: 13 fraction bits, so 2^23 as integers."""
EXPERT_OUTPUT_BOUND = 1020 << 13
"""Outputs of experts are below 1020 in size: weighted by scores, they then stay below p/4."""
SCORE_BOUND = 1 << 22
"""Attention scores and gate logits, in units of log 2, are below 2^9 in size."""
MASK_OFFSET = 1 << 24
"""What a masked attention score is lowered by: its exponential is then exactly 0."""
RMS_BOUND = 64
"""Root mean square of a row that is normalised, in the units of the activations; 63.9 fits."""
