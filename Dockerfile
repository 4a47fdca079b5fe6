# The Node server and its commands: docker run IMAGE node dist/doctor.js, and migrate, token, import and export likewise.
# The bundles contain all dependencies, and nothing writes to the file system.
FROM node:24-slim AS build
WORKDIR /octavo
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build

FROM node:24-slim AS runtime
WORKDIR /octavo
COPY --from=build /octavo/dist dist
COPY --from=build /octavo/package.json ./
ENV NODE_ENV=production
# The user node of the base image, as a number: Kubernetes can then see that it is not root (runAsNonRoot).
USER 1000:1000

# Applies the migrations and exits.
FROM runtime AS migrate
CMD ["node", "dist/migrate.js"]

FROM runtime AS server
ENV HOST=0.0.0.0 PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=200", "dist/node.js"]
