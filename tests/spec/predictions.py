"""Compares what both parties sent with what the specification predicts, message by message."""

from collections.abc import Callable
from typing import Any

from cryptomoe_spec.messages.transcript import Transcript, predict
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Wire
from two_party_pair import Run, run_two_party

from cryptomoe.cli.reference import setting
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.net.recorder import merge
from cryptomoe.ot.rows import Method
from cryptomoe.party import Party

Shape = list[tuple[int, str, int, int, bool]]
"""(sender, label, size, depth, whether online) of every message, in order."""


def predicted_shape(transcript: Transcript) -> Shape:
    """Each sender's messages, then their merged order."""
    listed = [*transcript.of(CLIENT), *transcript.of(SERVER), *transcript.merged()]
    return [(m.sender, m.label, m.size, m.depth, m.phase == "online") for m in listed]


def recorded_shape(run: Run[Any]) -> Shape:
    """The same of what was recorded."""
    both = [run.records[party] for party in Party]
    listed = [*both[0], *both[1], *merge(*both)]
    return [(r.sender, r.label, r.size, r.depth, r.online) for r in listed]


def assert_predicted(
    protocol: Callable[[TwoPartyEngine], object],
    expected: Callable[[Wire], None],
    mode: Any,
    ot: Method = "iknp",
) -> Transcript:
    """Run `protocol` and compare: all messages, and the figures of the channel's statistics."""
    run = run_two_party(protocol, mode, ot=ot)
    transcript = predict(setting(exact=mode == "exact", ot=ot), expected)
    assert recorded_shape(run) == predicted_shape(transcript)
    for party in Party:
        statistics = run.statistics[party]
        assert statistics.rounds == transcript.rounds
        assert statistics.bytes_sent == transcript.bytes_sent(party)
        assert statistics.setup_bytes_sent == transcript.setup_bytes(party)
    return transcript
