"""The page at `/`: what this is, and what to do next."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from app.context import context

blueprint = Blueprint("home", __name__, template_folder="templates")


@blueprint.get("/")
def home() -> str:
    gateway = context().gateway
    table = gateway.tables.current
    return render_template(
        "home.html", base_url=f"{request.host_url}v1", simulated=table.simulated, open=gateway.settings.open, models=table.names()
    )
