"""The Flask application factory."""

from __future__ import annotations

from flask import Flask

from app import cache, errors, home, memory, openai, ops, optimization
from app.context import Context
from app.lane import Lane
from pipeline.gateway import Gateway
from workers.submit import Submitter


def create_app(gateway: Gateway, submitter: Submitter) -> Flask:
    """The Flask application of one front-end process. Nothing is wired at import."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = gateway.settings.max_body_bytes
    app.extensions["leo"] = Context(gateway, submitter, gateway.open_door(submitter), _lane(gateway))
    errors.init_app(app)
    for blueprint in (openai.blueprint, optimization.blueprint, cache.blueprint, memory.blueprint, ops.blueprint, home.blueprint):
        app.register_blueprint(blueprint)
    return app


def _lane(gateway: Gateway) -> Lane:
    return Lane(
        table=gateway.hot_table,
        want=gateway.tracker.want,
        authenticator=gateway.authenticator,
        switches=gateway.switches,
        models=gateway.tables,
        ledger=gateway.ledger_buffer,
    )
