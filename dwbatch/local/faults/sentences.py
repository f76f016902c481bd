"""The real server's refusals that a fault can say without cause."""

from dwbatch.local.faults.kinds import not_among

_REFUSALS = {
    "capacity": "Insufficient capacity for 24h completion window. The following models are currently at "
    "capacity: m. Try again later or use a longer completion window.",
    "unverified": "Unverified accounts can submit at most 1000 request(s) per 24h completion window. You have "
    "1000 in the last 24h, so this submission of 1 would exceed the limit. Verify your account by adding a "
    "payment method or making a payment to remove this limit.",
    "upload_slot": "Too many file uploads in progress. Please retry later.",
    "upload_wait": "Timed out waiting for upload slot. Please retry later.",
}


def refusal(why: str) -> str:
    """The sentence of a 429.

    Raises
    ------
    ValueError
        If there is no such reason.
    """
    if why not in _REFUSALS:
        raise ValueError(not_among(why, _REFUSALS))
    return _REFUSALS[why]
