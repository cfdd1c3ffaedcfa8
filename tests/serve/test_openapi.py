"""The service does what its OpenAPI document says: Schemathesis asks by it, rightly and wrongly."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serving import make_app, photo, test_client

from madeof.inference.predictor import Predictor

_SETTINGS = settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_operation(tiny_predictor: Predictor, mode: GenerationMode) -> None:
    app = make_app(tiny_predictor, hosts=frozenset({"testserver", "localhost", "127.0.0.1"}))
    added = test_client(app).post("/v1/images", content=photo(), headers={"Content-Type": "image/png"})
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    labels, statuses = [], set()
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue  # what it takes is never wrong by the schema
        labels.append(operation.label)

        @_SETTINGS
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            if "{id}" in case.path and case.method == "POST":  # an invented id would never be found
                case.path_parameters = {"id": added.json()["id"]}
            response = case.call()
            statuses.add(response.status_code)
            assert response.status_code < 500
            # Bytes may be no photo, and a box may lie outside of it: that a schema cannot say.
            case.validate_response(response, excluded_checks=[positive_data_acceptance])

        ask()
    assert {"POST /v1/predict", "POST /v1/images", "POST /v1/images/{id}/regions"} <= set(labels)
    assert ({200} if mode is GenerationMode.POSITIVE else {400, 422}) <= statuses
