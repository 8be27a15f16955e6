"""The bodies of this gateway's own requests: JSON objects with a few fields, checked by name and type."""

from __future__ import annotations

from typing import Any

from flask import request

from pipeline.errors import BadRequest
from pipeline.request import canonical


def json_body(required: dict[str, type], optional: dict[str, type]) -> dict[str, Any]:
    """The body of the request at hand. Raises BadRequest naming a field that is missing or of another type."""
    body = canonical.decode(request.get_data(cache=False))
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_type")
    for name, kind in {**required, **optional}.items():
        if name in required and name not in body:
            raise BadRequest(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")
        if name in body and type(body[name]) is not kind:
            raise BadRequest(f"Invalid '{name}': it must be a {kind.__name__}.", param=name, code="invalid_type")
    return body
