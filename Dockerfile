# A static program and nothing else: no shell, no root.
FROM rust:1.95-alpine AS build
WORKDIR /src
COPY . .
RUN cargo install --locked --path . --root /out

FROM scratch
COPY --from=build /out/bin/tickmark /tickmark
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/tickmark"]
CMD ["--help"]
