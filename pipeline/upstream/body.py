"""The bytes that go upstream: the client's own wherever nothing has to change."""

from __future__ import annotations

import msgspec

from pipeline.errors import BadRequest
from pipeline.upstream.table import Route
from pipeline.upstream.types import UpstreamRequest

INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def upstream_body(request: UpstreamRequest, route: Route) -> bytes:
    """The body for this route.

    Changed are at most `model` (the route's name for it) and, in a streamed chat call whose client
    sent no `stream_options`, an added request for the usage chunk, so that the cost is known (not
    when the request is to stay `untouched`: its cost then is what the upstream tells unasked). Every
    other value stays byte for byte. Raises BadRequest when the body is not a JSON object.
    """
    try:
        fields = _object.decode(request.body)
    except msgspec.DecodeError:
        raise BadRequest("The request body is not a JSON object.") from None
    model = msgspec.Raw(msgspec.json.encode(route.model_there))
    changes: dict[str, msgspec.Raw] = {}
    if _text(fields.get("model")) != route.model_there:
        changes["model"] = model
    asks_for_usage = request.stream and route.stream_usage and not request.untouched
    if asks_for_usage and request.endpoint == "chat/completions" and "stream_options" not in fields:
        changes["stream_options"] = INCLUDE_USAGE
    return msgspec.json.encode({**fields, **changes}) if changes else request.body


def _text(raw: msgspec.Raw | None) -> str | None:
    try:
        return msgspec.json.decode(raw, type=str) if raw is not None else None
    except msgspec.DecodeError:
        return None
