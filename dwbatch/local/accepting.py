"""A file of request lines, accepted slab by slab: what is plainly good is checked many lines at a time."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from operator import attrgetter, sub
from typing import Any, BinaryIO

import msgspec

from dwbatch.local import canonical, reasoning, serde
from dwbatch.local.limits import Limits, Model
from dwbatch.local.lines import COMPACT, MOST_CUSTOM_ID_BYTES, PATHS, SPACED, Lines, fits
from dwbatch.local.slabs import Figures, Kept, Slab, pack, read

# Large enough that what is done once a slab costs nothing, small enough to stay in the processor's cache.
SLAB_BYTES = 64 * 1024

_METHOD = "POST"
_PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))
# Twice as fast as a loop, where each of a million lines is asked.
_MODEL, _URL, _CUSTOM_ID = attrgetter("body.model"), attrgetter("url"), attrgetter("custom_id")
# Writing a body anew makes it longer only where a number is spelled out: 1e15 is the worst, 18 letters for 4.
_LONGER = 8
_TOGETHER = 16


class _Accepted(msgspec.Struct, gc=False):
    """A line as it is written."""

    custom_id: str
    method: str
    url: str
    body: dict[str, Any]


_read_body = msgspec.json.Decoder(dict[str, Any]).decode
# Sorts the keys of bodies, and leaves the fields of lines as they stand above.
_write = msgspec.json.Encoder(order="deterministic").encode_lines


def slabs(file: BinaryIO, *, limits: Limits, models: Mapping[str, Model] | None) -> Iterator[Slab]:
    """Requests of a file, in order; the first fault ends it.

    Parameters
    ----------
    file : file object
        Read from where it stands to its end, some kilobytes at a time.
    limits : Limits
        Bounds of this server.
    models : mapping of str to Model, optional
        Models on offer; None accepts every name.

    Yields
    ------
    Slab
        Bodies as compact JSON with keys sorted at every depth.

    Raises
    ------
    Refusal
        With the real server's status and sentence; nothing of the file may be kept.

    Notes
    -----
    A slab in which anything is odd is read line by line by `Lines`, which knows what is allowed and has the
    words for what is not. Here only what nobody could object to goes through, and fastest what need not even
    be written anew.
    """
    one_by_one = Lines(limits=limits, models=models)
    while text := file.read(SLAB_BYTES):
        text += file.readline()
        slab = as_it_is(text, limits=limits, models=models) or plain(text, limits=limits, models=models)
        if slab is None:
            slab = pack(one_by_one.requests(BytesIO(text).readlines()))
        else:
            one_by_one.count(slab.total, size=len(text))
        if slab.total:
            yield slab
    one_by_one.end()


def as_it_is(text: bytes, *, limits: Limits, models: Mapping[str, Model] | None) -> Slab | None:
    """A slab of lines that are kept as they stand; None if any of them is to be read or written otherwise."""
    found = canonical.lines(text)
    if found is None or len(text) > limits.max_body_bytes:
        return None
    names, urls = set(map(_MODEL, found)), set(map(_URL, found))
    custom_ids = list(map(_CUSTOM_ID, found))
    if len(names) != 1 or len(urls) != 1 or not _are_plain(custom_ids):
        return None
    url, name = urls.pop(), names.pop()
    if not _is_offered(name, url, models):
        return None
    around = len(found) * (COMPACT + len("\n") + len(_METHOD) + len(url))
    size = len(text) - around - sum(map(len, custom_ids))
    return Slab(len(found), text, {name: {"count": len(found), "bytes": size}})


def plain(text: bytes, *, limits: Limits, models: Mapping[str, Model] | None) -> Slab | None:
    """A slab of lines that are plainly good; None if any of them is to be looked at closely."""
    raws = BytesIO(text).readlines()
    try:
        text.decode()
        found = list(map(read, raws))
        bodies = [_read_body(line.body) for line in found]
    # A ValueError: not UTF-8, or a number of more digits than Python reads.
    except (msgspec.DecodeError, ValueError):
        return None
    urls, methods = {line.url for line in found}, {line.method for line in found}
    if methods != {_METHOD} or len(urls) != 1 or not urls <= PATHS.keys():
        return None
    (url,) = urls
    if not _are_lines_plain(raws, found, limits) or not _are_bodies_plain(url, bodies, models):
        return None
    written = bytes(
        _write(
            [_Accepted(line.custom_id, _METHOD, url, body) for line, body in zip(found, bodies, strict=True)]
        )
    )
    return Slab(len(found), written, _figures(written, found, bodies))


def _are_lines_plain(raws: list[bytes], found: list[Kept], limits: Limits) -> bool:
    custom_ids = [line.custom_id for line in found]
    if not _are_plain(custom_ids):
        return False
    if _LONGER * max(map(len, raws)) > limits.max_body_bytes:
        return False
    around = map(sub, map(len, raws), map(len, (line.body for line in found)))
    room = SPACED + len("\n") + len(_METHOD) + len(found[0].url)
    if max(map(sub, around, map(len, custom_ids))) > room:
        return False
    return all(_is_shallow(raws[start : start + _TOGETHER]) for start in range(0, len(raws), _TOGETHER))


def _are_plain(custom_ids: list[str]) -> bool:
    """Whether custom_ids are allowed, and stand in a line as they are, each character a byte."""
    if "".join(custom_ids).encode("utf-8", "surrogatepass").translate(None, _PLAIN):
        return False
    return max(map(len, custom_ids)) <= MOST_CUSTOM_ID_BYTES


def _is_offered(name: str, url: str, models: Mapping[str, Model] | None) -> bool:
    return models is None or (name in models and fits(models[name], url))


def _is_shallow(raws: list[bytes]) -> bool:
    """Whether no line is deeper than the real server reads, which the decoder would not mind."""
    # Some short lines together seldom hold as many brackets as one that is too deep.
    joined = b"".join(raws)
    if joined.count(b"{") + joined.count(b"[") < serde.DEEPEST:
        return True
    return all(raw.count(b"{") + raw.count(b"[") < serde.DEEPEST for raw in raws)


def _are_bodies_plain(url: str, bodies: list[dict[str, Any]], models: Mapping[str, Model] | None) -> bool:
    asked: list[Any] = [body.get("model") for body in bodies]
    if set(map(type, asked)) != {str}:
        return False
    if not all(_is_offered(name, url, models) for name in set(asked)):
        return False
    names = set().union(*bodies)
    if not reasoning.NAMES.isdisjoint(names) and any(reasoning.fault(url, body) for body in bodies):
        return False
    if "priority" in names:
        for body in bodies:
            body.pop("priority", None)
    return True


def _figures(written: bytes, found: list[Kept], bodies: list[dict[str, Any]]) -> dict[str, Figures]:
    around = COMPACT + len("\n") + len(_METHOD) + len(found[0].url)
    asked = [body["model"] for body in bodies]
    if len(set(asked)) == 1:
        custom_ids = sum(len(line.custom_id) for line in found)
        size = len(written) - len(found) * around - custom_ids
        return {asked[0]: {"count": len(found), "bytes": size}}
    models: dict[str, Figures] = {}
    for line, kept, name in zip(written.split(b"\n"), found, asked, strict=False):
        of_model = models.setdefault(name, {"count": 0, "bytes": 0})
        of_model["count"] += 1
        of_model["bytes"] += len(line) + len("\n") - around - len(kept.custom_id)
    return models
