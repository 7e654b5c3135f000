# Ottla in a container: `docker build -t ottla .`
#
# The image holds one static binary, links by which it is Kafka's tools, and one line of
# configuration. `--target testcontainers` builds a larger one with a shell, which the Kafka modules
# of Testcontainers start as they start Kafka's own.
#
# Where nothing can be pulled: BUILD_IMAGE is any image with a Rust toolchain, a C compiler and make,
# SHELL_IMAGE any with sh, bash, sed and hostname; with `--build-arg BINARY=prebuilt` nothing is
# compiled, and target/container/ottla is taken, a static binary that was built before.
# For another processor: `docker buildx build --platform linux/amd64,linux/arm64 .`

ARG BUILD_IMAGE=rust:1-bookworm
ARG SHELL_IMAGE=debian:bookworm-slim
ARG BINARY=built

FROM ${BUILD_IMAGE} AS built
WORKDIR /build
COPY . .
# No library is needed at run time. The target is named so that the flag is not for build scripts.
RUN host=$(rustc -vV | sed -n 's/^host: //p') && \
    RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --locked --target "$host" && \
    mv "target/$host/release/ottla" /ottla

FROM scratch AS prebuilt
COPY target/container/ottla /ottla

FROM ${BINARY} AS binary

FROM scratch AS ottla
COPY --from=binary /ottla /usr/local/bin/ottla
COPY config/container/ottla.toml /etc/ottla/ottla.toml
RUN ["/usr/local/bin/ottla", "link", "/usr/local/bin"]
RUN ["/usr/local/bin/ottla", "prepare-volumes"]
ENV OTTLA_CONFIG=/etc/ottla/ottla.toml XDG_DATA_HOME=/var/lib HOME=/tmp
USER 1000:0
WORKDIR /var/lib/ottla
VOLUME /var/lib/ottla
EXPOSE 9092
HEALTHCHECK --interval=2s --timeout=2s --retries=5 CMD ["/usr/local/bin/ottla", "ready"]
ENTRYPOINT ["/usr/local/bin/ottla"]

FROM ${SHELL_IMAGE} AS testcontainers
COPY --from=binary /ottla /usr/local/bin/ottla
COPY config/container/ottla.toml /etc/ottla/ottla.toml
COPY config/container/testcontainers /
RUN mkdir -p /opt/kafka/bin && ottla link /usr/local/bin && ottla link /opt/kafka/bin && \
    ottla prepare-volumes
ENV OTTLA_CONFIG=/etc/ottla/ottla.toml XDG_DATA_HOME=/var/lib
WORKDIR /opt/kafka
EXPOSE 9092 9093
HEALTHCHECK --interval=2s --timeout=2s --retries=5 CMD ["/usr/local/bin/ottla", "ready"]
CMD ["/etc/kafka/docker/run"]

# What `docker build` makes unless asked otherwise.
FROM ottla
