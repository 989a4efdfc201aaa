"""Requests made from docs/openapi.yaml, right ones and wrong ones, and answers held against it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import schemathesis
import yaml
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

from config import HERE

FILE: Final = HERE / "docs" / "openapi.yaml"
CHECKS: Final = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
]
"""A well-formed number may still be nobody's phone: that a valid body is refused with a 422 is no fault."""

QUICK: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Twenty times as quick, where libyaml is there."""


def load(file: Path = FILE) -> dict[str, Any]:
    """The description as it stands in the file."""
    description: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=QUICK)  # noqa: S506
    return description


def described(app: Flask) -> Any:
    """The description bound to an app."""
    schema = schemathesis.openapi.from_dict(load())
    schema.app = app
    return schema


def fire(
    app: Flask,
    requests: int,
    seed_: int,
    send: Callable[[Case, str, list[Any]], None],
    *,
    only: Callable[[str], bool] = lambda _: True,
) -> None:
    """Spread requests over every described operation, half of them as described and half not."""
    operations = [found.ok() for found in described(app).get_all_operations()]
    chosen = [operation for operation in operations if only(operation.path)]
    each = max(1, requests // (len(chosen) * len(GenerationMode)))
    for number, operation in enumerate(chosen):
        for mode in GenerationMode:
            run = given(operation.as_strategy(mode))(_sender(send, operation.label))
            run = settings(
                max_examples=each,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(run)
            with contextlib.suppress(Unsatisfiable):  # what takes no input cannot be asked wrongly
                seed(seed_ * 1000 + number)(run)()


def _sender(send: Callable[[Case, str, list[Any]], None], label: str) -> Callable[[Case], None]:
    def one(case: Case) -> None:
        send(case, label, CHECKS)

    return one
