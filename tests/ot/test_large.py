"""Lengths around whole blocks, and messages of megabytes both ways at once."""

from typing import Any

import numpy as np
import pytest

from cryptomoe.field import P
from cryptomoe.net.mpyc_connection import connect, listen

PATIENCE = 30.0


@pytest.mark.parametrize("count", [1, 127, 128, 129, 8191, 8193])
def test_lengths_around_whole_blocks(parties: Any, count: int) -> None:
    """128 transfers are one block of an extension, 2^13 one part of the pads."""
    rng = np.random.default_rng(count)
    values = [rng.integers(0, 1 << 9, count, dtype=np.uint64) for _ in range(2)]
    bits = [rng.integers(0, 2, count, dtype=np.uint8) for _ in range(2)]
    less = parties.run(lambda own, i: own.less_than(values[i], 9))
    assert ((less[0] ^ less[1]) == (values[0] < values[1])).all()
    shares = parties.run(lambda own, i: own.correlate(values[i], bits[i], P))
    assert (
        (shares[0] + shares[1]) % np.uint64(P) == values[0] * bits[1] + values[1] * bits[0]
    ).all()


@pytest.mark.parametrize("carrier", ["memory", "connection"])
def test_megabytes_both_ways_do_not_block(make_parties: Any, carrier: str) -> None:
    """Both parties send more than any buffer holds before they receive; 2^16 hashes are passed."""
    count = 300_000
    if carrier == "memory":
        parties = make_parties()
    else:
        with listen() as listener:
            client = connect("127.0.0.1", listener.port, PATIENCE)
            parties = make_parties(carriers=(client, listener.accept(PATIENCE)))
    rng = np.random.default_rng(0)
    values = [rng.integers(0, P, count, dtype=np.uint64) for _ in range(2)]
    bits = [rng.integers(0, 2, count, dtype=np.uint8) for _ in range(2)]
    shares = parties.run(lambda own, i: own.correlate(values[i], bits[i], P))
    for channel in parties.channels:
        assert channel.statistics().bytes_sent > 6_000_000
        assert channel.statistics().rounds == 2
        channel.abort()
    expected = (values[0] * bits[1] + values[1] * bits[0]) % np.uint64(P)
    assert ((shares[0] + shares[1]) % np.uint64(P) == expected).all()
