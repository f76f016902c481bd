"""Result files, in blocks cut anywhere → a table of results, in the order of the file."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from dwbatch.answers.lines import read_line
from dwbatch.answers.plain import pick_plain, read_plain, to_plain_batch
from dwbatch.answers.results import LINES, to_batch

# Decoding takes as long with slabs of 128 KiB as of 1 MiB; larger ones leave a
# table of fewer chunks, in which rows are found faster.
_SLAB_BYTES = 1024 * 1024


def decode(blocks: Iterable[bytes], *, whole: bool = True) -> pa.Table:
    r"""One result a line of a result file, in the order of the file.

    Parameters
    ----------
    blocks : iterable of bytes
        The file, cut anywhere: between lines, in a line, in a character.
    whole : bool
        Whether the file was read to its end. If the connection broke, a last line
        without a newline is not a line.

    Returns
    -------
    pyarrow.Table
        Schema `dwbatch.answers.results.LINES`; one row a line that is not blank. No
        line raises: what cannot be read is `ErrorCode.MALFORMED_LINE`.

    Notes
    -----
    Only ``\n`` ends a line: the server writes U+2028, U+2029 and U+0085 raw inside
    the texts of models.

    Memory is bounded by the table that is returned and one slab of 1 MiB, or one line
    where that is longer.
    """
    return pa.Table.from_batches(map(decode_slab, _slabs(blocks, whole=whole)), schema=LINES)


def decode_slab(slab: bytes) -> pa.RecordBatch:
    """One result a line of a slab of whole lines, in the order of the lines."""
    # All at once, as nearly every slab allows; line by line where one of them is not plain.
    all_plain = read_plain(slab)
    if all_plain is not None:
        return to_plain_batch(all_plain)
    lines = [line for line in slab.split(b"\n") if line and not line.isspace()]
    plain, odd_positions = pick_plain(lines)
    if not odd_positions:
        return to_plain_batch(plain)
    odd = to_batch([read_line(lines[position]) for position in odd_positions])
    both = pa.Table.from_batches([to_plain_batch(plain), odd]).combine_chunks().to_batches()[0]
    return both.take(_places(len(lines), odd_positions))


def _places(count: int, odd_positions: Sequence[int]) -> pa.Int64Array:
    """Where each line's row stands when all plain rows come before all odd ones."""
    is_odd = set(odd_positions)
    plain, odd = iter(range(count - len(is_odd))), iter(range(count - len(is_odd), count))
    return pa.array([next(odd if position in is_odd else plain) for position in range(count)], pa.int64())


def _slabs(blocks: Iterable[bytes], *, whole: bool) -> Iterator[bytes]:
    """The file in slabs of whole lines; a block is joined once, however long its line."""
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        start = 0
        while (end := _cut(block, start, size)) > start:
            yield b"".join((*pieces, block[start:end]))
            pieces, size, start = [], 0, end
        pieces.append(block[start:])
        size += len(block) - start
    rest = b"".join(pieces)
    yield rest if whole else rest[: rest.rfind(b"\n") + 1]


def _cut(block: bytes, start: int, size: int) -> int:
    """Where the slab that `size` bytes came before ends in `block`; `start` if it goes on."""
    full = start + max(_SLAB_BYTES - size, 0)
    if full > len(block):
        return start
    end = block.rfind(b"\n", start, full) + 1 or block.find(b"\n", full) + 1
    return max(end, start)
