import socket
import ssl
from collections.abc import Callable

import pytest
import requests
import urllib3
from urllib3.exceptions import MaxRetryError, NameResolutionError

from dwbatch.errors import TransportError
from dwbatch.wire.client import Client
from dwbatch.wire.failures import NeverSentError, transport_error, without_frames
from tests.wire.awkward import AwkwardServer
from tests.wire.shapes import KEY

POOL = urllib3.HTTPSConnectionPool("host.example")
CONNECTION = urllib3.connection.HTTPSConnection("host.example")


def wrapped(reason: Exception) -> requests.ConnectionError:
    """As urllib3 and requests wrap one another's errors."""
    return requests.ConnectionError(MaxRetryError(POOL, "/v1/batches", reason))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            wrapped(NameResolutionError("host.example", CONNECTION, socket.gaierror(-2, "unknown"))),
            "cannot be found",
        ),
        (
            wrapped(urllib3.exceptions.NewConnectionError(CONNECTION, "refused")),
            "no connection could be made",
        ),
        (
            requests.ConnectTimeout(MaxRetryError(POOL, "/", urllib3.exceptions.ConnectTimeoutError("t"))),
            "in time",
        ),
        (
            wrapped(urllib3.exceptions.ProxyError("no", OSError("Tunnel connection failed: 403"))),
            "proxy gave no connection: OSError: Tunnel",
        ),
        (
            requests.exceptions.SSLError(
                MaxRetryError(
                    POOL, "/", urllib3.exceptions.SSLError(ssl.SSLCertVerificationError(1, "self-signed"))
                )
            ),
            "certificate is not trusted",
        ),
    ],
)
def test_what_stops_a_call_before_it_leaves_is_known(error: Exception, reason: str) -> None:
    failure = transport_error("POST /batches", error)

    assert isinstance(failure, NeverSentError)
    assert reason in failure.reason


@pytest.mark.parametrize(
    "error",
    [
        requests.ReadTimeout(urllib3.exceptions.ReadTimeoutError(POOL, "/", "slow")),
        requests.ConnectionError(
            urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
        ),
        requests.exceptions.SSLError(urllib3.exceptions.SSLError(ssl.SSLError(1, "bad record"))),
        requests.RequestException(),
        OSError(),
    ],
)
def test_everything_else_is_unclear(error: Exception) -> None:
    failure = transport_error("POST /batches", error)

    assert not isinstance(failure, NeverSentError)
    assert str(failure).startswith("POST /batches got no answer: ")


def test_an_earlier_refusal_says_nothing_about_the_last_try() -> None:
    error = wrapped(
        urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
    )
    error.__context__ = wrapped(urllib3.exceptions.NewConnectionError(CONNECTION, "refused"))

    assert not isinstance(transport_error("POST /batches", error), NeverSentError)


def test_a_reason_has_no_object_addresses(refusing: Callable[..., Client]) -> None:
    with pytest.raises(NeverSentError) as caught:
        refusing().batch("b1")

    assert " at 0x" not in str(caught.value)


def test_a_long_reason_is_cut() -> None:
    failure = transport_error("GET /files", OSError("word\n" * 1000))

    assert len(failure.reason) < 350
    assert failure.reason.isprintable()


def test_a_chain_that_bites_its_tail_is_freed() -> None:
    error = OSError("a", ValueError("b"))
    error.args[1].__context__ = error

    assert without_frames(error) is error


def test_the_cause_is_kept_for_whoever_debugs(server: AwkwardServer) -> None:
    with Client(server.base_url, KEY, read_timeout_s=5.0) as client:
        server.close()
        with pytest.raises(TransportError) as caught:
            client.create_batch(input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={})

    assert isinstance(caught.value.__cause__, requests.ConnectionError)
