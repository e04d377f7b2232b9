"""Connections over TLS: who is let in as which party, and what those say who are not."""

import re
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from cryptography.hazmat.primitives import serialization

from cryptomoe.errors import HandshakeError, PeerLostError, ProtocolError, UsageError
from cryptomoe.net import mpyc_connection, stream_carrier
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.io_thread import io_loop
from cryptomoe.net.listener import Listener
from cryptomoe.net.mesh import join_mesh
from cryptomoe.net.mpyc_connection import connect, listen
from cryptomoe.net.tls import Credentials, certified_party, load_credentials, name_of
from cryptomoe.party import Party

PATIENCE = 30.0
RunBoth = Callable[..., tuple[Any, Any]]
Certified = Callable[..., Credentials]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority of the run."""
    return Authority(tmp_path)


@pytest.fixture
def certified(authority: Authority) -> Certified:
    """Credentials of a party, by its number or by the names given."""

    def make(*names: int | str, days: float = 1) -> Credentials:
        written = [name_of(name) if isinstance(name, int) else name for name in names]
        return load_credentials(*authority.certify(*written, days=days), authority.file)

    return make


def joined(
    everyone: Sequence[Credentials | None], seconds: float = PATIENCE
) -> list[dict[int, Carrier] | BaseException]:
    """What each party's `join_mesh` gives or raises; all run at once in threads."""
    listeners = [None, *(listen(credentials=mine) for mine in everyone[1:])]
    addresses = [("127.0.0.1", 0 if listener is None else listener.port) for listener in listeners]

    def join(index: int) -> dict[int, Carrier] | BaseException:
        try:
            return join_mesh(index, addresses, listeners[index], {"a": 1}, seconds, everyone[index])
        except ProtocolError as error:
            return error
        finally:
            if listeners[index] is not None:
                listeners[index].close()

    with ThreadPoolExecutor(len(everyone)) as pool:
        return list(pool.map(join, range(len(everyone))))


def test_large_messages_cross_both_ways_and_both_sides_close(
    certified: Certified, run_both: RunBoth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ends meet: were it left to the time limit, the test would not see it."""
    for module in (mpyc_connection, stream_carrier):
        monkeypatch.setattr(module, "CLOSE_SECONDS", 10 * PATIENCE)
    with listen(credentials=certified(1)) as listener:
        carrier = connect("127.0.0.1", listener.port, PATIENCE, secured=(certified(0), 1))
        accepted = listener.accept(PATIENCE)
    assert (carrier.certified, accepted.certified) == (1, 0)
    size = 9 << 20

    def talk(party: Party, carrier: Carrier) -> bool:
        with Channel(party, carrier) as channel:
            theirs = channel.exchange("step", bytes([party]) * size, size)
        return theirs == bytes([party.peer]) * size

    outcome = run_both(lambda: talk(Party.CLIENT, carrier), lambda: talk(Party.SERVER, accepted))
    assert outcome == (True, True)


def test_what_was_sent_before_an_abort_is_still_read(
    certified: Certified, run_both: RunBoth
) -> None:
    with listen(credentials=certified(1)) as listener:
        carrier = connect("127.0.0.1", listener.port, PATIENCE, secured=(certified(0), 1))
        accepted = listener.accept(PATIENCE)
    client, server = Channel(Party.CLIENT, carrier), Channel(Party.SERVER, accepted)

    def leave() -> None:
        client.send("last", b"words")
        client.abort()

    def read() -> bytes:
        words = server.receive("last", 5)
        with pytest.raises(PeerLostError, match="gave up"):
            server.receive("more", 1)
        server.abort()
        return words

    assert run_both(leave, read) == (None, b"words")


@pytest.mark.parametrize("leaver", [0, 1])
def test_a_peer_that_is_gone_is_noticed(
    leaver: int, certified: Certified, run_both: RunBoth
) -> None:
    """Whether the other waits for a message, or for room to send one."""
    with listen(credentials=certified(1)) as listener:
        carrier = connect("127.0.0.1", listener.port, PATIENCE, secured=(certified(0), 1))
        both = [carrier, listener.accept(PATIENCE)]
    gone, staying = both[leaver], Channel(Party(1 - leaver), both[1 - leaver])
    io_loop().call_soon_threadsafe(gone._stream.drop)  # type: ignore[attr-defined]

    def send() -> None:
        while True:
            staying.send("step", bytes(1 << 20))

    for attempt in (lambda: staying.receive("a/b", 1), send):
        outcome, _ = run_both(attempt, lambda: None)
        assert isinstance(outcome, PeerLostError)
    gone.close()


def test_three_parties_join(certified: Certified) -> None:
    carriers = joined([certified(index) for index in range(3)])
    assert [sorted(held) for held in carriers if isinstance(held, dict)] == [[1, 2], [0, 2], [0, 1]]
    for held in carriers:
        assert isinstance(held, dict)
        for carrier in held.values():
            Channel(Party.CLIENT, carrier).abort()


def refusal(listener: Listener) -> str:
    """What the listener says when it has something to say."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            listener.check()
        except ProtocolError as error:
            return str(error)
        time.sleep(0.01)
    raise AssertionError("nothing was refused")


def refused(everyone: Sequence[Credentials | None], *concerned: int) -> list[str]:
    """The sentences of those concerned; all must fail, and nobody after waiting in vain."""
    outcomes = joined(everyone)
    for outcome in outcomes:
        assert isinstance(outcome, ProtocolError)
        assert not re.search("nobody answers|there was nothing of", str(outcome))
    return [str(outcomes[index]) for index in concerned]


@pytest.mark.parametrize("stranger", range(3))
def test_another_authoritys_certificate(
    stranger: int, certified: Certified, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    everyone = [certified(index) for index in range(3)]
    everyone[stranger] = load_credentials(*other.certify(name_of(stranger)), other.file)
    sentences = refused(everyone, 0, 1, 2)
    assert any("the certificate is not accepted" in sentence for sentence in sentences)
    assert all("connection" in sentence or "party" in sentence for sentence in sentences)


@pytest.mark.parametrize("stranger", range(3))
def test_a_certificate_by_another_authority_of_one_who_trusts_all(
    stranger: int, certified: Certified, authority: Authority, tmp_path: Path
) -> None:
    """The others alone can notice."""
    other = Authority(tmp_path, "other")
    everyone = [certified(index) for index in range(3)]
    everyone[stranger] = load_credentials(*other.certify(name_of(stranger)), authority.file)
    mine, *_ = refused(everyone, stranger)
    assert "certificate" in mine or "party" in mine


def test_who_connects_learns_that_its_certificate_may_be_the_reason(
    certified: Certified, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    alien = load_credentials(*other.certify(name_of(0)), authority.file)
    with listen(credentials=certified(1)) as listener:
        carrier = connect("127.0.0.1", listener.port, PATIENCE, secured=(alien, 1))
        channel = Channel(Party.CLIENT, carrier)
        with pytest.raises(PeerLostError, match="may not accept this side's certificate"):
            channel.receive("a/b", 1)
        assert "from 127.0.0.1: the certificate is not accepted" in refusal(listener)
        with pytest.raises(PeerLostError, match="no client came"):
            listener.accept(0.1)


@pytest.mark.parametrize("late", range(3))
def test_an_expired_certificate(late: int, certified: Certified) -> None:
    everyone = [certified(index, days=-1 if index == late else 1) for index in range(3)]
    sentences = refused(everyone, 0, 1, 2)
    assert any("expired" in sentence for sentence in sentences)


@pytest.mark.parametrize("names", [(2, 1, 0), (0, 2, 1), (1, 0, 2), (0, 1, 1), (1, 1, 2)])
def test_swapped_certificates(names: tuple[int, ...], certified: Certified) -> None:
    sentences = refused([certified(name) for name in names], 0, 1, 2)
    assert any("certificate" in sentence for sentence in sentences)


@pytest.mark.parametrize(
    "names",
    [(), ("*.cryptomoe",), (0, 1), ("PARTY0.cryptomoe",), ("party00.cryptomoe",), ("localhost",)],
)
def test_a_certificate_that_is_not_one_partys(names: Any, certified: Certified) -> None:
    sentences = refused([certified(*names), certified(1), certified(2)], 1, 2)
    wanted = "who says to be party 0 has a certificate of no party"
    assert any(wanted in sentence for sentence in sentences)


@pytest.mark.parametrize("names", [("*.cryptomoe",), (1, 2)])
def test_a_server_with_several_names_is_not_believed_either(
    names: Any, certified: Certified
) -> None:
    """OpenSSL alone accepts a wildcard, and one of many names."""
    refused([certified(0), certified(*names), certified(2)], 0, 1)


@pytest.mark.parametrize("plain", range(3))
def test_a_party_without_tls_and_the_others_end(plain: int, certified: Certified) -> None:
    everyone = [None if index == plain else certified(index) for index in range(3)]
    sentences = refused(everyone, 0, 1, 2)
    assert any("TLS" in sentence for sentence in sentences)
    if plain == 2:
        assert "it speaks TLS, for which this side was given no certificate" in sentences[2]


def test_a_connection_that_says_nothing_is_given_up(
    certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptomoe.net.listener.TLS_SECONDS", 0.3)
    with (
        listen(credentials=certified(1)) as listener,
        socket.create_connection(("127.0.0.1", listener.port)) as silent,
    ):
        assert silent.recv(1) == b""
        assert "no TLS handshake within" in refusal(listener)


def test_a_client_without_a_certificate(authority: Authority, certified: Certified) -> None:
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.load_verify_locations(cafile=authority.file)
    with (
        listen(credentials=certified(1)) as listener,
        socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as plain,
        nobody.wrap_socket(plain, server_hostname=name_of(1)) as stream,
    ):
        with suppress(OSError):
            assert stream.recv(1) == b""
        assert "peer did not return a certificate" in refusal(listener)


def test_a_server_that_says_nothing_is_given_up(
    certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptomoe.net.mpyc_connection.TLS_SECONDS", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(HandshakeError, match=r"party 1 at .* no TLS handshake within"),
    ):
        connect(*silent.getsockname(), PATIENCE, secured=(certified(0), 1))


def test_a_listener_closes_over_an_unfinished_handshake(certified: Certified) -> None:
    listener = listen(credentials=certified(1))
    with socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as silent:
        while not listener._server._securing:  # type: ignore[union-attr]
            time.sleep(0.01)
        listener.close()
        assert silent.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port), PATIENCE)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
def test_older_tls_is_refused(version: ssl.TLSVersion, certified: Certified) -> None:
    old = certified(0).connecting
    old.minimum_version = old.maximum_version = version
    with (
        listen(credentials=certified(1)) as listener,
        socket.create_connection(("127.0.0.1", listener.port)) as plain,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        old.wrap_socket(plain, server_hostname=name_of(1))


@pytest.mark.parametrize(
    ("names", "party"),
    [
        (["party0.cryptomoe"], 0),
        (["a.example", "party12.cryptomoe"], 12),
        (["party1.cryptomoe", "party2.cryptomoe"], None),
        (["party1.cryptomoe.example"], None),
        (["xparty1.cryptomoe"], None),
        (["party1.cryptomoe\n"], None),
        (["party\u0661.cryptomoe"], None),
        (["*.cryptomoe"], None),
        ([], None),
    ],
)
def test_the_name_in_a_certificate(names: list[str], party: int | None) -> None:
    shown = [("DNS", name) for name in names]
    assert certified_party({"subjectAltName": shown}) == party
    assert certified_party({"subjectAltName": [("URI", name) for name in names]}) is None


def test_files_that_cannot_be_used(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.certify(name_of(0))
    _, foreign = authority.certify(name_of(1))
    encrypted, nothing = tmp_path / "encrypted.key", tmp_path / "nothing.pem"
    encrypted.write_bytes(
        serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
    )
    nothing.write_text("nothing\n")
    good = (certificate, key, authority.file)
    load_credentials(*good)
    for place, wrong, wanted in [
        (0, tmp_path / "none", "cannot be read"),
        (0, nothing, "no certificate and its unencrypted key"),
        (1, tmp_path, "cannot be read"),
        (1, foreign, "no certificate and its unencrypted key"),
        (1, encrypted, "no certificate and its unencrypted key"),
        (2, key, "no certificate of an authority"),
        (2, nothing, "no certificate of an authority"),
    ]:
        files = [wrong if place == other else path for other, path in enumerate(good)]
        with pytest.raises(UsageError, match=wanted):
            load_credentials(*files)
