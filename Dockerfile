# syntax=docker/dockerfile:1
# The page and the service (madeof serve) in a container; docs/serve.md tells how to run it.
ARG PYTHON=3.13
ARG DEBIAN=trixie

FROM python:${PYTHON}-slim-${DEBIAN} AS wheels
WORKDIR /build
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[serve]'

FROM python:${PYTHON}-slim-${DEBIAN}
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index /wheels/*.whl \
    && python -m pip uninstall --yes --quiet pip
# Nothing is written at run time, so that the file system may be read-only.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
# A number, for it is by that that Kubernetes tells that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["madeof", "serve"]
# Without a token in MADEOF_TOKEN or --token-file, or --no-auth, it does not start.
CMD ["--host", "0.0.0.0", "--port", "8000"]
