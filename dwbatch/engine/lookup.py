"""Keys found again among millions, without a hash table of them all.

A hash table of ten million keys takes half a gigabyte and a second each time; a sorted copy
of their first halves is made once and takes 12 bytes a key.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dwbatch.prompts.distinct import ABSENT, KEY_BYTES, halves_of

_HALF = re.compile(rf"[0-9a-f]{{{KEY_BYTES}}}")


@dataclass(frozen=True, slots=True)
class KeyIndex:
    """Distinct keys, and the place of each.

    Parameters
    ----------
    halves : np.ndarray of uint64, shape (n_keys, 2)
        The keys, in their own order; no copy of them.
    order : np.ndarray of int32, shape (n_keys,)
        Places by first half.
    sorted_halves : np.ndarray of uint64, shape (n_keys,)
        First halves, ascending.
    """

    halves: np.ndarray
    order: np.ndarray
    sorted_halves: np.ndarray

    @classmethod
    def of(cls, keys: pa.Array) -> "KeyIndex":
        """The index of some distinct keys, without nulls."""
        halves = halves_of(keys)
        # Two thousand million keys, where this would not do, are 34 GB by themselves.
        order = np.argsort(halves[:, 0]).astype(np.int32)
        return cls(halves, order, halves[order, 0])

    def find(self, keys: pa.Array) -> np.ndarray:
        """Place of each key, -1 for one that is not here.

        Parameters
        ----------
        keys : pa.FixedSizeBinaryArray, shape (n,), 16 bytes each, without nulls

        Returns
        -------
        np.ndarray of int64, shape (n,)
        """
        wanted = halves_of(keys)
        found = np.full(len(wanted), ABSENT, dtype=np.int64)
        # Searched for in their order, neighbours are found in the same part of memory: four times as fast.
        ascending = np.argsort(wanted[:, 0])
        at = np.empty(len(wanted), dtype=np.int64)
        at[ascending] = np.searchsorted(self.sorted_halves, wanted[ascending, 0])
        open_ones = np.arange(len(wanted))
        # Two keys that share a half are next to one another; one step is nearly always all.
        while len(open_ones):
            inside = at[open_ones] < len(self.order)
            open_ones = open_ones[inside]
            same = self.sorted_halves[at[open_ones]] == wanted[open_ones, 0]
            open_ones = open_ones[same]
            places = self.order[at[open_ones]]
            is_found = self.halves[places, 1] == wanted[open_ones, 1]
            found[open_ones[is_found]] = places[is_found]
            open_ones = open_ones[~is_found]
            at[open_ones] += 1
        return found

    def known(self, keys: pa.Array) -> np.ndarray:
        """Places of those of some keys that are here; int64."""
        places = self.find(keys)
        known: np.ndarray = places[places != ABSENT]
        return known

    def mask(self, keys: pa.Array) -> np.ndarray:
        """Which of the index's own keys are among others: bool, shape (n_keys,)."""
        named = np.zeros(len(self.order), dtype=bool)
        named[self.known(keys)] = True
        return named

    def starting(self, starts: Iterable[str]) -> np.ndarray:
        """Places of the keys whose first half is among some.

        Parameters
        ----------
        starts : iterable of str
            First halves in hexadecimal. What is none was not written by us, and is passed over.
        """
        written = [start for start in starts if _HALF.fullmatch(start)]
        halves = np.frombuffer(bytes.fromhex("".join(written)), dtype=np.uint64)
        first = np.searchsorted(self.sorted_halves, halves, side="left")
        last = np.searchsorted(self.sorted_halves, halves, side="right")
        found = [self.order[at:end] for at, end in zip(first, last, strict=True)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *found])
