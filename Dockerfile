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

# librosa compiles its functions when they are first used, which takes 15 s: done here once, in a folder for every user.
ENV NUMBA_CACHE_DIR=/var/cache/numba
RUN umask 0 && PYTHONDONTWRITEBYTECODE=1 python -c "import numpy as np; \
    from tasks.evaluate.onset_sync_ap import onset_track; \
    onset_track(np.random.default_rng(0).random(16000, np.float32), 16000)"

USER 1000
# Prefect's own records of a worker; the server's are in PostgreSQL. FOLEYGENEX_HOME: where prefect.yaml's flows are.
ENV DO_NOT_TRACK=1 \
    FOLEYGENEX_HOME=/opt/foleygenex \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
VOLUME ["/data"]
CMD ["foleygenex", "--help"]
