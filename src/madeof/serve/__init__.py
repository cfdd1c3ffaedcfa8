"""The service: photos and regions over HTTP, answered as `madeof predict --json` answers. The extra `serve`.

A request's way: `server` (connections and their deadlines) -> `guard` (who may ask, and how much) -> `routes` (what is
asked) -> `asking` (bodies become regions) -> `work` (a bounded queue and its threads) -> `answering` (the predictor).
"""
