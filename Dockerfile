# One image for each service: docker build --build-arg SERVICE=release --tag fourgates/release:0.1.0 .
# SERVICE is change, release, dml, deploy, review or operations; or issuer, for the development issuer.

# The index of the images for all platforms, as it was published with Python 3.11.16.
ARG PYTHON=docker.io/library/python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7

# hadolint ignore=DL3006
FROM ${PYTHON} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1
WORKDIR /build
COPY requirements.lock ./
# uv itself by its hashes, too.
RUN awk '/^[^ #]/ {wanted = /^uv==/} wanted' requirements.lock > /tmp/uv.lock \
    && pip install --no-deps --require-hashes --requirement /tmp/uv.lock
COPY .ci/install_alone.py .ci/
COPY shared/ shared/
COPY services/ services/
ARG SERVICE
RUN python .ci/install_alone.py "${SERVICE}" /opt/fourgates \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/fourgates

# hadolint ignore=DL3006
FROM ${PYTHON}
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="fourgates-${SERVICE}" \
      org.opencontainers.image.description="Fourgates: ITIL release management that can be proved" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/fourgates /opt/fourgates
COPY --from=build --chown=10001:10001 /var/lib/fourgates /var/lib/fourgates
ENV PATH=/opt/fourgates/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FOURGATES_HOST=0.0.0.0 \
    FOURGATES_PORT=8080 \
    FOURGATES_DATA_FOLDER=/var/lib/fourgates
# Everything that is written lies there or in /tmp; the rest of the file system may be read-only.
WORKDIR /var/lib/fourgates
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --start-interval=1s --retries=3 \
    CMD ["/opt/fourgates/bin/python", "-c", "import os, urllib.request as request; request.urlopen(f\"http://127.0.0.1:{os.environ['FOURGATES_PORT']}/readyz\", timeout=4)"]
ENTRYPOINT ["/opt/fourgates/bin/serve"]
