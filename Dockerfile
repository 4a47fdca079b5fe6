# The Node server. Everything is in its bundle, so that the last stage has no dependencies.
FROM node:24-slim AS build
WORKDIR /octavo
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build

# Brings the database up to date, and ends: docker build --target migrate
FROM build AS migrate
CMD ["npm", "run", "db:migrate"]

FROM node:24-slim AS server
WORKDIR /octavo
COPY --from=build /octavo/dist dist
COPY --from=build /octavo/package.json ./
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=200", "dist/node.js"]
