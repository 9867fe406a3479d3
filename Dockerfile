# Kajitori's image. Build: docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t kajitori .
# Run: read-only, any user, a volume at /var/lib/kajitori (SQLite) and a small writable /tmp; see k8s/base.

FROM debian:13-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-pip python3-venv
WORKDIR /src
COPY requirements.lock .
# Every file is checked against the lock here. What follows takes what it needs from this folder and has no network.
RUN python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes -r requirements.lock -d /wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY handlers handlers
RUN python3 -m pip wheel --quiet --no-deps --wheel-dir /wheels . \
    && python3 -m venv --without-pip /opt/kajitori \
    && python3 -m pip --python /opt/kajitori/bin/python install --quiet "kajitori[postgres]"

FROM debian:13-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="kajitori" \
      org.opencontainers.image.description="A Slack bot that releases services to Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.base.name="debian:13-slim"
# Python without pip, certificates, and what reads and renders overlays (docs/adr/0018); no compiler, nothing to download
# with. What renders an overlay sees none of the rest.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git kustomize openssh-client python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
    && install --directory --owner=65532 --group=65532 --mode=0750 /var/lib/kajitori
COPY --from=build /opt/kajitori /opt/kajitori
ENV PATH=/opt/kajitori/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    KAJITORI_CONFIG=/etc/kajitori/kajitori.yaml \
    DATABASE_URL=sqlite:////var/lib/kajitori/kajitori.db
USER 65532:65532
WORKDIR /var/lib/kajitori
VOLUME /var/lib/kajitori
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["kajitori"]
CMD ["run"]
