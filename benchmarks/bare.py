"""The yardstick of accepting: a route that does nothing, under the same gunicorn."""

from __future__ import annotations

from flask import Flask, Response, request

app = Flask("bare", static_folder=None)


@app.post("/api/messages/incoming")
def nothing() -> Response:
    """Read the body and say that it was received."""
    request.get_data()
    return Response(b'{"success":true,"message":"received"}', content_type="application/json")
