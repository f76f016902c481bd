"""What one server allows: every bound of the real one, with its default."""

from dataclasses import dataclass

CHAT = "CHAT"
EMBEDDINGS = "EMBEDDINGS"

MEBIBYTE = 1024 * 1024
#: The window without a deadline, for which nobody here has the role.
BACKGROUND = "background"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that the real server takes from its configuration.

    Parameters
    ----------
    max_file_bytes : int
        Largest uploaded file, in bytes (100 MiB in the server's code, 200 MB in the public documentation).
    max_requests_per_file : int
        Most requests in one file; 0 is no bound, as in the server's code (50,000 in the documentation).
    max_body_bytes : int
        Largest request body after it was written anew with sorted keys, in bytes.
    max_json_bytes : int
        Largest JSON body of a POST, in bytes; the framework's own bound.
    concurrent_uploads : int
        Uploads served at one time; 0 is no bound.
    waiting_uploads : int
        Uploads that may wait for their turn.
    upload_wait_s : float
        Longest wait for a turn, in seconds.
    completion_windows : tuple of str
        Windows on offer, compared letter by letter.
    unverified_per_hour : int
        Requests an hour of completion window that an unverified account may submit; 0 means verified.
    capacity_factor : float
        How much more than a model's throughput a window takes in: 1 is what it can bear, 0 is nothing.
    file_expiry_s : int
        Seconds from the end of an upload to the date shown as its expiry.
    """

    max_file_bytes: int = 100 * MEBIBYTE
    max_requests_per_file: int = 0
    max_body_bytes: int = 10 * MEBIBYTE
    max_json_bytes: int = 2 * MEBIBYTE
    concurrent_uploads: int = 0
    waiting_uploads: int = 20
    upload_wait_s: float = 60.0
    completion_windows: tuple[str, ...] = ("24h", "1h")
    unverified_per_hour: int = 0
    capacity_factor: float = 1.0
    file_expiry_s: int = 30 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model on offer.

    Parameters
    ----------
    kind : str
        ``"CHAT"``, ``"EMBEDDINGS"`` or another word, which then fits no endpoint; empty skips that check.
    input_price, output_price : str
        Price of one token in the 24h window, as a decimal number; the 1h window costs twice that.
    requests_per_s : float
        Throughput from which the capacity of a window is computed.
    windows : tuple of str, optional
        Windows that this model offers; None is all of the server's, an empty tuple no batches at all.
    """

    kind: str = ""
    input_price: str = "0.0000001"
    output_price: str = "0.0000004"
    requests_per_s: float = 100.0
    windows: tuple[str, ...] | None = None
