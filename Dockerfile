# A worker for runs on many machines, and any other command:
#
#   docker build -t heygen-worker .
#   docker run -e HEYGEN_API_KEY -e … heygen-worker worker --on postgresql://… --slots redis://…
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
# A worker finishes what it has begun when it is stopped; give it the time: docker stop --time 120.
STOPSIGNAL SIGTERM
ENTRYPOINT ["heygen-async"]
CMD ["--help"]
