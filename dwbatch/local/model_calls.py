"""The calls that the real server passes to its models' proxy: the list of models, and every unknown path."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dwbatch.local import query
from dwbatch.local.reasoning import EFFORTS
from dwbatch.local.replies import JSON, inference_error, json
from dwbatch.local.service import Service, of

_NO_MODEL = (
    "Could not parse onwards model from request. 'model' parameter must be supplied in either the body "
    "or in the Model-Override header."
)
_KIND = "authentication_error"
ECHO = "echo"


def list_models(request: Request) -> Response:
    """GET /models."""
    service = of(request)
    refused = _refused(request, service)
    if refused is not None:
        return refused
    is_asked = query.flag(request.query_params, "include_reasoning_capabilities")
    capabilities = {"supported_reasoning_efforts": EFFORTS} if is_asked else {}
    listed = [
        {"id": name, "object": "model", "created": int(service.began_at), "owned_by": "None", **capabilities}
        for name in sorted(_names(service))
    ]
    body = msgspec.json.encode({"object": "list", "data": listed})
    return StreamingResponse(iter([body]), headers={"content-type": JSON})


def _refused(request: Request, service: Service) -> Response | None:
    given = request.headers.get("authorization")
    if service.keys is None:
        return None
    if given is None:
        return inference_error(401, "Missing Authorization header", kind=_KIND, code="missing_authorization")
    # Here, unlike on files and batches, the scheme's case does not matter.
    scheme, _, key = given.partition(" ")
    if scheme.lower() != "bearer" or key not in service.keys:
        return inference_error(401, "Invalid API key", kind=_KIND, code="invalid_api_key")
    return None


def _names(service: Service) -> set[str]:
    if service.account.models is not None:
        return set(service.account.models)
    with service.store.reading() as db:
        used = db.execute("SELECT DISTINCT models FROM file WHERE NOT is_deleted").fetchall()
    return {ECHO}.union(*(msgspec.json.decode(row["models"]) for row in used))


async def unknown(request: Request) -> Response:
    """Any other path under the API's prefix: the proxy wants a model, and the model knows no such path."""
    body = query.decoded(await request.body()) if request.method == "POST" else None
    if not isinstance(body, dict) or "model" not in body:
        return inference_error(
            400, _NO_MODEL, kind="invalid_request_error", code="bad_request", param="model", is_sized=True
        )
    return json({"error": {"message": f"not found /{request.path_params['path']}"}}, 404)
