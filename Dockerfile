# Mailsluice on Node.js 24. The build context is dist/container, which `npm run build:container` makes:
#
#   npm run build:container && docker build -f Dockerfile -t mailsluice dist/container
#
# Only COPY, no RUN: an ARM64 image is built on any machine without emulation.
FROM public.ecr.aws/docker/library/node:24.21.0-bookworm-slim

ENV NODE_ENV=production
# V8 would let its young generation grow from 3 times 16 MiB to 3 times 32 after some ten thousand mails: 60 MB more of
# memory, for no measurable gain in speed.
ENV NODE_OPTIONS=--max-semi-space-size=16
WORKDIR /app
COPY mailsluice.mjs health-check.mjs sbom.cdx.json ./

# No name, only a number: it owns nothing, and the root file system may be read-only.
USER 65532:65532

# 25, 587 and 465 are the load balancer's; below 1024 this user could not listen.
EXPOSE 2525 2587 2465 8080

HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "/app/health-check.mjs", "8080"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/mailsluice.mjs"]
# Probes come from outside the container; a configuration with `health.host` wins.
CMD ["serve", "--health-host", "0.0.0.0"]
