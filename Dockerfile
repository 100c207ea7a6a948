# Three stages: npm and the compiler stay behind, the image carries one binary and runs it as an unprivileged user.
FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY api /src/api
COPY web .
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=web /src/web/dist web/dist
RUN cargo build --release --locked --bin descent

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin descent \
    && install -d -o descent -g descent -m 0700 /data
COPY --from=build /src/target/release/descent /usr/local/bin/descent
USER descent
# The one place that is written to: database, blobs, temporary uploads and the admin token.
VOLUME /data
EXPOSE 8080
ENV DESCENT_LISTEN=0.0.0.0:8080 DESCENT_DATA_DIR=/data
# A container's port is published by choice of whoever runs it; put TLS in front before it leaves the machine.
ENV DESCENT_INSECURE_PUBLIC=true
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["descent", "health"]
ENTRYPOINT ["descent"]
CMD ["serve"]
