"""AES-128 over arrays of blocks: key expansion, counter mode for many keys, and the transfer hash.

A block is a row of two little-endian 64-bit words. On x86 processors with AES instructions the work
is done inside numba kernels by the instructions themselves, two or four blocks to a register where
the processor has VAES and AVX2 or AVX-512; elsewhere by `cryptography` and numpy. All give the same
results.
"""

from typing import Any

import llvmlite.binding
import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from cryptomoe.kernel_cache import kernel

Words = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

_KEY_WORDS = 22
"""Eleven round keys of two words."""
_REGISTERS_AT_ONCE = 8
"""Independent registers hide the latency of an AES round."""
_HASHED_AT_ONCE = 256


def _processor_features() -> dict[str, bool]:
    """The features of an x86-64 processor; none elsewhere, where names mean other instructions."""
    if not llvmlite.binding.get_process_triple().startswith("x86_64"):
        return {}
    try:
        return dict(llvmlite.binding.get_host_cpu_features())
    except RuntimeError:
        return {}


_insert: Any = cgutils.get_or_insert_function
_FEATURES = _processor_features()
HAS_AES = _FEATURES.get("aes", False)


def _widest_register() -> int:
    """Blocks that one AES instruction of this processor encrypts."""
    if not (HAS_AES and _FEATURES.get("vaes", False)):
        return 1
    if _FEATURES.get("avx512f", False):
        return 4
    return 2 if _FEATURES.get("avx2", False) else 1


_LANES = _widest_register()


# --- key expansion (FIPS 197, section 5.2) --------------------------------------------------------


def _substitution_box() -> list[int]:
    """The S-box from its definition: inverse in GF(2^8), then an affine map."""
    box = [0x63] * 256
    power, inverse = 1, 1
    while True:
        power ^= (power << 1) ^ (0x11B if power & 0x80 else 0)
        power &= 0xFF
        for shift in (1, 2, 4):
            inverse ^= inverse << shift & 0xFF
        inverse ^= 0x09 if inverse & 0x80 else 0
        value = inverse
        for turn in range(1, 5):
            value ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
        box[power] = value ^ 0x63
        if power == 1:
            return box


_BOX = np.array(_substitution_box(), np.uint8)


def expand_key(key: bytes) -> Words:
    """The eleven round keys of a 16-byte key, as 22 words."""
    schedule = np.empty(16 * 11, np.uint8)
    schedule[:16] = np.frombuffer(key, np.uint8)
    _expand(schedule, _BOX)
    return schedule.view("<u8").astype(np.uint64)


@kernel
def _expand(schedule: Bytes, box: Bytes) -> None:
    """Fill the key schedule behind its first 16 bytes.

    The only look-ups at secret places, and those of a session's set-up; blocks are encrypted by the
    processor's instructions or OpenSSL's.
    """
    constant = np.uint8(1)
    for at in range(16, schedule.size, 4):
        for i in range(4):
            if at % 16 == 0:
                mixed = box[schedule[at - 4 + (i + 1) % 4]]
                if i == 0:
                    mixed ^= constant
            else:
                mixed = schedule[at - 4 + i]
            schedule[at + i] = schedule[at - 16 + i] ^ mixed
        if at % 16 == 0:
            constant = np.uint8((constant << 1) ^ (0x1B if constant & 0x80 else 0))


def key_of(round_keys: Words) -> bytes:
    """The 16-byte key that `round_keys` were expanded from."""
    return round_keys[:2].astype("<u8").tobytes()


# --- the instructions -----------------------------------------------------------------------------


def _encryptor(lanes: int, registers: int) -> Any:
    """An intrinsic that encrypts lanes * registers consecutive blocks of an array in place."""
    suffix = {1: "", 2: ".256", 4: ".512"}[lanes]
    word = ir.IntType(64)
    block = ir.VectorType(word, 2)
    register = ir.VectorType(word, 2 * lanes)

    @intrinsic
    def encrypt(_context: Any, blocks: Any, at: Any, keys: Any, keys_at: Any) -> Any:
        signature = types.void(blocks, at, keys, keys_at)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def address(position: int, offset: Any) -> Any:
                array = context.make_array(signature.args[position])
                return builder.gep(array(context, builder, arguments[position]).data, [offset])

            def load(pointer: Any, offset: int, kind: Any) -> Any:
                place = builder.gep(pointer, [ir.Constant(word, offset)])
                loaded = builder.load(builder.bitcast(place, kind.as_pointer()))
                loaded.align = 8
                return loaded

            def round_key(pointer: Any, number: int) -> Any:
                key = load(pointer, 2 * number, block)
                repeat = ir.VectorType(ir.IntType(32), 2 * lanes)
                return builder.shuffle_vector(
                    key, ir.Constant(block, ir.Undefined), repeat([i % 2 for i in range(2 * lanes)])
                )

            def instruction(name: str) -> Any:
                kind = ir.FunctionType(register, [register, register])
                return _insert(builder.module, kind, name + suffix)

            data, keys = address(0, arguments[1]), address(2, arguments[3])
            key = round_key(keys, 0)
            states = [
                builder.xor(load(data, 2 * lanes * i, register), key) for i in range(registers)
            ]
            for number in range(1, 11):
                key = round_key(keys, number)
                name = "llvm.x86.aesni.aesenc" + ("last" if number == 10 else "")
                states = [builder.call(instruction(name), [state, key]) for state in states]
            for i, state in enumerate(states):
                place = builder.gep(data, [ir.Constant(word, 2 * lanes * i)])
                stored = builder.store(state, builder.bitcast(place, register.as_pointer()))
                stored.align = 8
            return context.get_dummy_value()

        return signature, generate

    return encrypt


_encrypt_one = _encryptor(1, 1)
_encrypt_many = _encryptor(_LANES, _REGISTERS_AT_ONCE)
_MANY = _LANES * _REGISTERS_AT_ONCE


@kernel
def _encrypt(blocks: Words, keys: Words, keys_at: int) -> None:
    """Encrypt a flat array of blocks in place under the round keys at `keys_at`."""
    position = 0
    while position + 2 * _MANY <= blocks.size:
        _encrypt_many(blocks, position, keys, keys_at)
        position += 2 * _MANY
    while position < blocks.size:
        _encrypt_one(blocks, position, keys, keys_at)
        position += 2


@kernel
def _counter_rows(keys: Words, first: int, rows: Words) -> None:
    """Row i of `rows` becomes counter mode under key i from block `first` on."""
    for i in range(rows.shape[0]):
        row = rows[i]
        for j in range(row.size // 2):
            row[2 * j] = np.uint64(first + j)
            row[2 * j + 1] = np.uint64(0)
        _encrypt(row, keys, i * _KEY_WORDS)


@kernel
def _hash(inputs: Words, offset: Words, tweak: int, keys: Words, outputs: Words) -> None:
    """See `hash_blocks`; all arrays flat, a cache's worth of blocks at a time."""
    first, second = offset[0], offset[1]
    mixed = np.empty(_HASHED_AT_ONCE * 2, np.uint64)
    for start in range(0, inputs.size, mixed.size):
        source = inputs[start : start + mixed.size]
        target = outputs[start : start + mixed.size]
        number = np.uint64(tweak + start // 2)
        for i in range(source.size // 2):
            low = source[2 * i] ^ first ^ (number + np.uint64(i))
            high = source[2 * i + 1] ^ second
            mixed[2 * i] = high
            mixed[2 * i + 1] = low ^ high
            target[2 * i] = high
            target[2 * i + 1] = low ^ high
        _encrypt(mixed[: source.size], keys, 0)
        for i in range(source.size):
            target[i] ^= mixed[i]


# --- what the rest of the package uses ------------------------------------------------------------


def portable_counter_rows(keys: Words, first: int, blocks: int, out: Words | None = None) -> Words:
    """`counter_rows` by `cryptography`."""
    rows = np.empty((len(keys), 2 * blocks), np.uint64) if out is None else out
    counters = np.zeros((blocks, 2), "<u8")
    counters[:, 0] = np.arange(first, first + blocks)
    plain = counters.tobytes()
    for row, key in zip(rows, keys, strict=True):
        row[:] = _ecb(key, plain)
    return rows


def portable_hash_blocks(
    inputs: Words, offset: Words, tweak: int, keys: Words, out: Words | None = None
) -> Words:
    """`hash_blocks` by `cryptography` and numpy."""
    shifted = inputs ^ offset
    shifted[:, 0] ^= np.arange(tweak, tweak + len(inputs), dtype=np.uint64)
    mixed = np.empty(inputs.shape, np.uint64) if out is None else out
    mixed[:, 0], mixed[:, 1] = shifted[:, 1], shifted[:, 0] ^ shifted[:, 1]
    mixed ^= _ecb(keys, mixed.astype("<u8").tobytes()).reshape(-1, 2)
    return mixed


def _ecb(round_keys: Words, plain: bytes) -> Words:
    # ECB is only the block cipher on distinct blocks here: counters, or the input of a hash.
    cipher = Cipher(algorithms.AES128(key_of(round_keys)), modes.ECB())  # noqa: S305
    return np.frombuffer(cipher.encryptor().update(plain), "<u8").astype(np.uint64)


def _kernel_counter_rows(keys: Words, first: int, blocks: int, out: Words | None = None) -> Words:
    rows = np.empty((len(keys), 2 * blocks), np.uint64) if out is None else out
    _counter_rows(np.ascontiguousarray(keys).reshape(-1), first, rows)
    return rows


def _kernel_hash_blocks(
    inputs: Words, offset: Words, tweak: int, keys: Words, out: Words | None = None
) -> Words:
    outputs = np.empty(inputs.shape, np.uint64) if out is None else out
    _hash(np.ascontiguousarray(inputs).reshape(-1), offset, tweak, keys, outputs.reshape(-1))
    return outputs


counter_rows = _kernel_counter_rows if HAS_AES else portable_counter_rows
"""(keys (rows, 22), first block, blocks) to AES in counter mode: (rows, 2 * blocks) words.

Both functions write to a contiguous `out` of that shape where one is given.
"""

hash_blocks = _kernel_hash_blocks if HAS_AES else portable_hash_blocks
"""(inputs (n, 2), offset (2,), tweak, round keys) to H(input xor offset, tweak + row): (n, 2).

H(x, i) = AES(s) xor s with s = sigma(x xor i), sigma(low, high) = (high, low xor high), a linear
orthomorphism: the circular correlation robust hash of Guo, Katz, Wang and Yu (IEEE S&P 2020).
"""
