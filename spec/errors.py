"""What the specification raises."""


class RangeError(ValueError):
    """A value outside the range that its functionality declares; the message names both."""
