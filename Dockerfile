# An argument, so that a mirror or a stand-in can take the base image's place.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /app
# The lock before the code: the layer of the dependencies is built anew only when the lock changes.
COPY requirements/production.txt requirements/
# Wheels only: nothing is compiled, and no package runs code of its own while it is installed.
RUN --mount=type=cache,target=/var/cache/pip \
    python -m venv --without-pip /opt/venv \
    && pip --cache-dir /var/cache/pip --python /opt/venv/bin/python install --no-compile --only-binary :all: --no-deps --require-hashes \
        --requirement requirements/production.txt \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib
# The checkout's layout is kept: the service finds the contract and the migrations from where src/tbg lies.
COPY alembic.ini gunicorn.conf.py openapi.yaml ./
COPY alembic alembic
COPY src src
# The project itself needs no build: a path and the command's script do what an editable install does.
RUN rm -r requirements \
    && printf '#!/opt/venv/bin/python\nfrom tbg.__main__ import main\n\nmain()\n' >/opt/venv/bin/tbg \
    && chmod 755 /opt/venv/bin/tbg \
    && /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash alembic src

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tbg
# Owned by root: the service cannot change its own code. All bytecode is there, so a read-only file system costs nothing.
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app/src \
    TBG_HOST=0.0.0.0
WORKDIR /app
# By number, because Kubernetes' runAsNonRoot cannot judge a name.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# http.client, not urllib: a proxy in the environment must not get this request.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-ISc", "\
import http.client, os, sys; \
connection = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('TBG_PORT') or 8000), timeout=4); \
connection.request('GET', '/health'); \
sys.exit(connection.getresponse().status != 200)"]
CMD ["tbg", "serve"]

# Last, because they differ in every build.
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="The Bitcoin Game API" \
      org.opencontainers.image.description="Contract-first backend of The Bitcoin Game" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
