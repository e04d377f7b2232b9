"""Transcripts: what is recorded, and the one order of both parties' sends."""

import json

from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.recorder import Recorder, json_lines, merge
from cryptomoe.net.wire import HEADER_BYTES
from cryptomoe.party import Party


def _run(*, keep_payloads: bool) -> tuple[Recorder, Recorder]:
    recorders = Recorder(keep_payloads=keep_payloads), Recorder(keep_payloads=keep_payloads)
    client, server = (
        Channel(Party(i), carrier, recorder)
        for i, (carrier, recorder) in enumerate(zip(memory_pair(), recorders, strict=True))
    )
    server.send("keys", b"K")
    client.receive("keys", 1)
    client.start_online()
    server.start_online()
    for channel in (server, client):
        channel.send("swap", b"s%d" % channel.party)
    for channel in (server, client):
        channel.receive("swap", 2)
    server.send("answer", b"abc")
    client.receive("answer", 3)
    return recorders


def test_each_side_records_its_own_sends_in_order() -> None:
    client, server = _run(keep_payloads=True)
    assert [(r.sender, r.label, r.payload) for r in client.records] == [
        (Party.CLIENT, "swap", b"s0")
    ]
    assert [(r.label, r.size, r.online) for r in server.records] == [
        ("keys", 1 + HEADER_BYTES, False),
        ("swap", 2 + HEADER_BYTES, True),
        ("answer", 3 + HEADER_BYTES, True),
    ]


def test_contents_are_kept_only_on_request() -> None:
    client, server = _run(keep_payloads=False)
    assert {record.payload for record in (*client.records, *server.records)} == {None}


def test_the_merged_order_is_setup_then_depth_then_client_first() -> None:
    client, server = _run(keep_payloads=False)
    merged = merge(client.records, server.records)
    assert [(r.sender, r.label) for r in merged] == [
        (Party.SERVER, "keys"),
        (Party.CLIENT, "swap"),
        (Party.SERVER, "swap"),
        (Party.SERVER, "answer"),
    ]


def test_json_lines_hold_sender_label_and_bytes_only() -> None:
    client, server = _run(keep_payloads=True)
    lines = [json.loads(line) for line in json_lines(merge(client.records, server.records))]
    assert lines[1] == {"sender": "client", "label": "swap", "bytes": 2 + HEADER_BYTES}
    assert all(line.keys() == {"sender", "label", "bytes"} for line in lines)
