"""Label Studio's ML backend: the HTTP contract by which Label Studio asks a model, `madeof serve --label-studio`.

A request's way: `routes.label_studio` (what is asked) -> `interface` (the project's controls, `naming` their labels) ->
`photos` (where the photo may come from, `host` where it is fetched) -> `tasks` (regions in, results out).
The contract is that of `label_studio_ml/api.py` in HumanSignal/label-studio-ml-backend, and what Label Studio sends and
reads is in its `label_studio/ml/api_connector.py` and `label_studio/ml/models.py`.
"""
