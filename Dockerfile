# One image for the server, the deployments and the workers; compose.yaml starts them together.
#   docker build --tag foleygenex .                                    torch with CUDA, as pip resolves it
#   docker build --build-arg PIP_OPTIONS="--index-url URL" .           another index, e.g. one with torch for CPUs
FROM python:3.11-slim-bookworm

# The versions of Debian's sox and ffmpeg follow the base image's release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg git libsox-fmt-all sox \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 foley \
    && install --directory --owner foley /data /opt/foleygenex \
    && install --directory --mode 1777 /var/cache/numba

WORKDIR /opt/foleygenex
COPY --chown=foley pyproject.toml constraints.txt README.md LICENSE prefect.yaml ./
COPY --chown=foley data_contracts data_contracts
COPY --chown=foley flows flows
COPY --chown=foley foleygenex foleygenex
COPY --chown=foley model model
COPY --chown=foley tasks tasks
ARG PIP_OPTIONS=""
# hadolint ignore=SC2086
RUN pip install --no-cache-dir --constraint constraints.txt ${PIP_OPTIONS} --editable '.[dask,llm]'

USER 1000
# Prefect's own records of a worker; the server's are in PostgreSQL. FOLEYGENEX_HOME: where prefect.yaml's flows are.
# NUMBA_CACHE_DIR: `docker run --user` has no home; librosa cannot be imported where its compiled functions cannot be kept.
ENV DO_NOT_TRACK=1 \
    FOLEYGENEX_HOME=/opt/foleygenex \
    NUMBA_CACHE_DIR=/var/cache/numba \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
VOLUME ["/data"]
CMD ["foleygenex", "--help"]
