"""Silent transfers that still compute the right results, broken, and the checks that tell them.

Every check holds for the real code and fails for the mutant, which shows that it can fail.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from silent_rounds import Watched

from cryptomoe.errors import ProtocolError
from cryptomoe.ot import endpoint, ferret
from cryptomoe.ot.aes import Words
from cryptomoe.ot.ferret import FerretReceiver
from cryptomoe.ot.lpn import STANDARD
from cryptomoe.ot.rows import refills
from cryptomoe.ot.sources import supply_of
from cryptomoe.party import Party

_HEADER = 20


class SameTransfers(ferret._Rounds):
    """Rounds whose trees are opened by the same transfers again."""

    def finish(self) -> None:
        """The reserve's part for the trees stays as it was."""
        opened = self._reserve[STANDARD.table :].copy()
        super().finish()
        self._reserve = np.concatenate([self._reserve[: STANDARD.table], opened])


class RestartedMatrix(ferret._Rounds):
    """Rounds that all are the first: the same rows of the matrix, and the same keys."""

    def finish(self) -> None:
        """Count no round."""
        super().finish()
        self._encode_rest()

    def _encode_rest(self) -> None:
        self._encoded.add(self._encode(self._left))
        self._made = 0


class NothingReserved(ferret._Rounds):
    """Rounds that give out what the next round starts from as well."""

    def finish(self) -> None:
        """Put the reserve in front of what is given out."""
        super().finish()
        self._encoded.add(self._reserve)


def repeated_places(watched: Watched) -> int:
    """Trees of the second round whose noisy leaf is that of the first."""
    watched.run(2)
    places = np.concatenate(watched.places).reshape(2, -1)
    return int((places[0] == places[1]).sum())


def test_every_round_has_noise_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One place in 2048 is the same by chance; with known noise two rounds give the table away."""
    assert repeated_places(Watched(monkeypatch)) < 12
    monkeypatch.setattr(ferret, "_Rounds", SameTransfers)
    assert repeated_places(Watched(monkeypatch)) == STANDARD.noise


def repeated_matrix_rows(watched: Watched) -> bool:
    """Whether one end encodes some row of the matrix twice."""
    watched.run(3, taken=200_000)
    spans = Counter(span for span in watched.matrix_rows if span[0] < span[1])
    overlap = any(first[1] > second[0] for first, second in pairwise(sorted(spans)))
    return overlap or max(spans.values()) > len(Party)


def test_every_round_has_rows_and_keys_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends encode the same rows once each, of which no two rounds share one."""
    watched = Watched(monkeypatch)
    assert not repeated_matrix_rows(watched)
    assert len(set(watched.keys)) == len(watched.keys) == 3 * 40
    monkeypatch.setattr(ferret, "_Rounds", RestartedMatrix)
    watched = Watched(monkeypatch)
    assert repeated_matrix_rows(watched)
    assert len(set(watched.keys)) < len(watched.keys)


class Zeros:
    """A generator that only gives zeros."""

    def words(self, count: int) -> Words:
        """As a stream's."""
        return np.zeros(count, np.uint64)


def repeated_roots(watched: Watched) -> int:
    """Roots that came before, over two rounds."""
    watched.run(2)
    return len(watched.roots) - len(set(watched.roots))


def test_every_tree_has_a_root_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    assert repeated_roots(watched) == 0
    constant = Watched(monkeypatch)
    constant.sender._roots = Zeros()  # type: ignore[assignment]
    assert repeated_roots(constant) == 2 * STANDARD.noise - 1


def opened_in_the_clear(watched: Watched) -> int:
    """Openings of a round that are sums of the sender's nodes without a row over them.

    At the first level the sum is the root itself.
    """
    watched.run(1)
    sums = np.frombuffer(watched.openings[0], np.uint64).reshape(STANDARD.noise, -1, 2)
    return sum(block.tobytes() in set(watched.roots) for block in sums[:, 0])


def test_openings_are_under_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them the receiver would know both sums of every level, and with them Delta."""
    assert opened_in_the_clear(Watched(monkeypatch)) == 0
    bare = Watched(monkeypatch)
    bare.sender._rounds._reserve[:] = 0
    bits = (bare.receiver._rounds._reserve[:, :1] & np.uint64(1)) * bare.delta
    bare.receiver._rounds._reserve[:] = bits
    assert opened_in_the_clear(bare) == STANDARD.noise


def given_from_the_reserve(watched: Watched) -> int:
    """Rows given out that the next round starts from."""
    watched.run(1, taken=STANDARD.reserve)
    reserved = {row.tobytes() for row in watched.receiver._rounds._reserve}
    return sum(row.tobytes() in reserved for row in watched.given[0])


def test_what_opens_trees_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A protocol's choice, once known, would tell the noise of the next round."""
    assert given_from_the_reserve(Watched(monkeypatch)) == 0
    monkeypatch.setattr(ferret, "_Rounds", NothingReserved)
    assert given_from_the_reserve(Watched(monkeypatch)) == STANDARD.reserve


# --- between two parties --------------------------------------------------------------------------


def predicted_and_sent(parties: Any, count: int = 300) -> tuple[list[Any], list[Any]]:
    """Messages of the first request's refill and choices, by sender: predicted, and seen."""
    bits = np.ones(count, np.uint8)
    values = np.ones(count, np.uint64)
    before = [len(recorder.records) for recorder in parties.recorders]
    parties.run(lambda own, i: own.correlate_one_way(Party.CLIENT, bits if i else values, 1 << 9))
    (messages,) = refills(supply_of("silent"), [(count, 0)])
    predicted: list[list[tuple[str, int]]] = [[], [("choices", _HEADER + -(-count // 8))]]
    for message in messages:
        predicted[message.sender].append(("ot_refill/levels", _HEADER + message.payload_bytes))
    predicted[Party.CLIENT].append(("corrections", _HEADER + -(-9 * count // 8)))
    seen = [
        [(record.label, record.size) for record in recorder.records[start:]]
        for recorder, start in zip(parties.recorders, before, strict=True)
    ]
    return predicted, seen


def test_places_sent_in_the_clear_are_noticed(
    make_parties: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver of a refill sends nothing; the transcript has no room for its places."""
    predicted, seen = predicted_and_sent(make_parties(method="silent"))
    assert seen == predicted
    parties = make_parties(method="silent")
    listen = endpoint.OtEndpoint._listen

    def telling(own: Any, wanted: int) -> None:
        receiver: FerretReceiver = own._sources.receiver
        places = receiver._rounds._reserve[STANDARD.table :, 0] & np.uint64(1)
        listen(own, wanted)
        if wanted:
            own._channel.send("places", places.astype(np.uint8).tobytes())

    monkeypatch.setattr(endpoint.OtEndpoint, "_listen", telling)
    with pytest.raises(ProtocolError):
        predicted_and_sent(parties)


def choices_in_the_clear(parties: Any) -> bool:
    """Whether what the receiver sends is its choices."""
    count = 4096
    chosen = np.zeros(count, np.uint8)
    values = np.ones(count, np.uint64)
    parties.run(lambda own, i: own.correlate_one_way(Party.CLIENT, chosen if i else values, 1 << 9))
    sent = [r.payload for r in parties.recorders[Party.SERVER].records if r.label == "choices"]
    return sent == [bytes(count // 8)]


def test_choices_are_under_random_bits(make_parties: Any) -> None:
    assert not choices_in_the_clear(make_parties(method="silent"))
    parties = make_parties(method="silent")
    for party in parties.endpoints:
        receiver = party._sources.receiver
        take = receiver.take

        def known(count: int, take: Any = take) -> Any:
            rows, bits = take(count)
            return rows, np.zeros_like(bits)

        receiver.take = known
    assert choices_in_the_clear(parties)


def shared_deltas(make_parties: Any, method: str) -> int:
    """Deltas of two sessions, in either direction, that are not the only ones of their kind."""
    deltas = [
        own._delta.tobytes() for _ in range(2) for own in make_parties(
            method=method, ready=False
        ).endpoints
    ]  # fmt: skip
    return len(deltas) - len(set(deltas))


@pytest.mark.parametrize("method", ["iknp", "softspoken", "silent"])
def test_a_delta_that_is_kept_is_noticed(
    make_parties: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under one Delta two sessions' pads would be related."""
    assert shared_deltas(make_parties, method) == 0
    kept = np.tile(np.array([1, 0], np.uint8), 64)
    monkeypatch.setattr(endpoint, "draw_delta", lambda _method, _randomness: kept)
    assert shared_deltas(make_parties, method) == 3
