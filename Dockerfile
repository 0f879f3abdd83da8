# A worker for runs on many machines, and any other command:
#
#   docker build -t heygen-worker .
#   docker run -e HEYGEN_API_KEY heygen-worker worker --on postgresql://… --slots redis://… --account acme
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY heygen_async heygen_async
COPY examples/greetings.csv examples/
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN wheel=$(ls /wheels/*.whl) \
    && pip install --no-cache-dir "$wheel[cli,cluster,fast,media,otel]" \
    && useradd --create-home worker
USER worker
WORKDIR /home/worker
# Stopped by SIGTERM, a command submits nothing more and takes up to half a minute: docker stop --time 40.
ENTRYPOINT ["heygen-async"]
CMD ["--help"]
