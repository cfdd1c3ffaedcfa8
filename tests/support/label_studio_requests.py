"""Requests as Label Studio 1.23.2 sent them to a `madeof serve --label-studio`, recorded between the two.

Adding the backend to a project (health, setup, versions), predictions for a task with an uploaded photo, what its page
asks when a smart rectangle was drawn, and its events. Changed are the materials and the photo's size, to those of the
tests' model and photo; and the token of a person, which it does send.
"""

from __future__ import annotations

from typing import Any

INTERFACE = """<View><Image name="image" value="$image"/>
<Rectangle name="box" toName="image" smart="true"/><Brush name="brush" toName="image" smart="true"/>
<RectangleLabels name="thing" toName="image"><Label value="Brick"/><Label value="Foliage"/><Label value="Sky"/>\
<Label value="Timber" predicted_values="Wood, Bamboo"/></RectangleLabels>
<Choices name="material" toName="image" perRegion="true"><Choice value="Brick"/><Choice value="Foliage"/>\
<Choice value="Sky"/><Choice value="Wood"/></Choices>
<Choices name="photo_is" toName="image"><Choice value="Brick"/><Choice value="Foliage"/><Choice value="Sky"/>\
<Choice value="Wood"/></Choices></View>"""

AUTHORIZATION = "Basic eDpiYWNrZW5kLXRva2Vu"  # user x, password backend-token
WRONG_AUTHORIZATION = "Basic eDp3cm9uZw=="

SETUP: dict[str, Any] = {
    "project": "2.1795543660",
    "schema": INTERFACE,
    "hostname": "http://localhost:8089",
    "access_token": "a-token-of-a-person",
    "extra_params": None,
}

TASK: dict[str, Any] = {
    "id": 2,
    "data": {"image": "/data/upload/2/a9955381-coffee_cup.jpg"},
    "meta": {},
    "created_at": "2026-11-24T18:07:40.780746Z",
    "updated_at": "2026-11-24T18:07:40.780783Z",
    "is_labeled": False,
    "overlap": 1,
    "inner_id": 1,
    "total_annotations": 0,
    "cancelled_annotations": 0,
    "total_predictions": 0,
    "comment_count": 0,
    "unresolved_comment_count": 0,
    "last_comment_updated_at": None,
    "project": 2,
    "updated_by": None,
    "file_upload": 2,
    "comment_authors": [],
    "annotations": [],
    "predictions": [],
}

PREDICT: dict[str, Any] = {
    "tasks": [TASK],
    "project": "2.1795543660",
    "label_config": INTERFACE,
    "params": {"login": None, "password": None, "context": None},
}

DRAWN: dict[str, Any] = {
    "original_width": 80,
    "original_height": 60,
    "image_rotation": 0,
    "value": {
        "x": 8.138101109741061,
        "y": 75.80147965474721,
        "width": 9.864364981504316,
        "height": 14.796547472256478,
        "rotation": 0,
    },
    "id": "6iNsb35QW6",
    "from_name": "box",
    "to_name": "image",
    "type": "rectangle",
    "origin": "manual",
}

INTERACTIVE: dict[str, Any] = {
    **PREDICT,
    "params": {"login": None, "password": None, "context": {"result": [DRAWN]}},
}

ANNOTATION: dict[str, Any] = {
    "id": 1,
    "result": [
        {
            "original_width": 80,
            "original_height": 60,
            "image_rotation": 0,
            "to_name": "image",
            "id": "a1",
            "from_name": "box",
            "type": "rectangle",
            "value": {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0},
        },
        {
            "original_width": 80,
            "original_height": 60,
            "image_rotation": 0,
            "to_name": "image",
            "id": "a2",
            "from_name": "thing",
            "type": "rectanglelabels",
            "value": {"x": 50, "y": 50, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["Timber"]},
        },
    ],
    "created_username": " me@example.com, 1",
    "created_ago": "0\u00a0minutes",
    "completed_by": 1,
    "was_cancelled": False,
    "ground_truth": False,
    "created_at": "2026-11-24T18:07:44.141696Z",
    "updated_at": "2026-11-24T18:07:44.141724Z",
    "draft_created_at": None,
    "lead_time": None,
    "import_id": None,
    "last_action": None,
    "bulk_created": False,
    "task": 2,
    "project": 2,
    "updated_by": 1,
    "parent_prediction": None,
    "parent_annotation": None,
    "last_created_by": None,
}

CREATED: dict[str, Any] = {"action": "ANNOTATION_CREATED", "annotation": ANNOTATION, "project": {"id": 2}}
START_TRAINING: dict[str, Any] = {"action": "START_TRAINING", "project": {"id": 2, "label_config": INTERFACE}}
