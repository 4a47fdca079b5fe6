/** The shell commands of the documentation, run as a reader would, one page after the other in one shell. */
import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { loadSample } from "../../dev/sample.ts";
import { createTestDatabase } from "../support/database.ts";
import { type Block, blocksOf, PAGES, WALKTHROUGHS } from "../support/markdown.ts";
import { startServer } from "../support/servers.ts";
import { expectAsShown, type Outcome, runCommands } from "../support/shell.ts";
import { SECRET } from "../support/token.ts";

/** The walk-throughs have tests of their own. */
const BLOCKS = PAGES.filter((page) => !WALKTHROUGHS.includes(page)).flatMap(blocksOf);
const isCommand = ({ language, isSkipped }: Block) => language === "sh" && !isSkipped;

test("every block that no test runs is listed here", () => {
  const skipped = BLOCKS.filter(({ isSkipped }) => isSkipped);
  expect(skipped.map(({ page, text }) => `${page}: ${text.split("\n")[0]}`)).toEqual([
    "README.md: npm ci && npm run dev",
    "README.md: npm ci && npm test",
    "CONTRIBUTING.md: python3 -m venv .venv && .venv/bin/pip install schemathesis",
    "docs/auth.md: npm run dev -- --auth",
    "docs/catalogues.md: npm run import -- books.csv --default-price 9.99",
    "docs/client.md: npm run pack:client",
    "docs/deploy.md: npx wrangler login",
    "docs/deploy.md: npm run deploy -- --grant octavo_app",
    "docs/deploy.md: npx wrangler hyperdrive create octavo --caching-disabled --connection-string=postgres://octavo_app:…@db.shop.example/octavo",
    "docs/deploy.md: apt-get install postgresql nodejs caddy rsync",
    "docs/deploy.md: npm ci && npm run build",
    "docs/deploy.md: cd /opt/octavo",
    "docs/deploy.md: install -D --mode 600 deploy/octavo.env /etc/octavo/octavo.env && editor /etc/octavo/octavo.env",
    "docs/deploy.md: docker build --tag octavo .",
    "docs/deploy.md: DATABASE_URL=… npm run db:migrate",
    "docs/deploy.md: npm run db:migrate -- --grant ROLE",
    'docs/deploy.md: pg_dump --format=custom --no-owner --no-privileges --file=octavo.dump "$DATABASE_URL"',
    'docs/deploy.md: pg_restore --no-owner --no-privileges --exit-on-error --dbname="$DATABASE_URL" octavo.dump',
    'docs/deploy.md: pg_restore --data-only --schema=public --dbname="$DATABASE_URL" octavo.dump',
    "docs/deploy.md: psql \"$DATABASE_URL\" -c 'update book_feed set epoch = default'   # DATABASE_URL is the branch, with the owner",
    "docs/deploy.md: install --directory --owner=postgres /backup /backup/wal",
    "docs/deploy.md: systemctl stop octavo postgresql",
    "docs/operating.md: grep \"$(printf %s 'zoe@shop.example' | sha256sum | cut -c 1-16)\" octavo.log",
    "docs/poolers.md: DATABASE_URL=postgres://octavo_app:PASSWORD@10.0.0.6:6432/octavo npm run doctor",
    "docs/react.md: npm install react react-dom @tanstack/react-query",
    'docs/replicas.md: DATABASE_READ_URL="postgres://octavo_app:PASSWORD@replica-1/octavo,postgres://octavo_app:PASSWORD@replica-2/octavo"',
  ]);
});

test.each(WALKTHROUGHS)("%s has its tests", (page) => {
  expect(existsSync(page.replace(/^docs(.*)md$/, "test/dev$1test.ts"))).toBe(true);
});

test("every other block is a command, a program, an output of either, a setting, a drawing, or a query", () => {
  const unknown = BLOCKS.filter((block) => {
    const { language, isSkipped, previous } = block;
    if (language === "sh") return !isSkipped && !block.text.includes("curl");
    if (language === "json") return !previous || !isCommand(previous);
    if (language === "") return previous?.language !== "ts";
    return !["ts", "tsx", "mermaid", "sql", "ini", "text"].includes(language);
  });
  expect(unknown.map(({ place }) => place)).toEqual([]);
});

describe.each(PAGES.filter((page) => BLOCKS.some((block) => block.page === page && isCommand(block))))(
  "the commands of %s",
  (page) => {
    const commands = BLOCKS.filter((block) => block.page === page && isCommand(block));
    let outcomes: Outcome[];

    beforeAll(async () => {
      const database = await createTestDatabase();
      await loadSample(database.url);
      const dev = await startServer("workerd", database, { OPEN_LOCAL_WRITES: "true" });
      const server = await startServer("node", database, { AUTH_SECRET: SECRET });
      const servers = { "http://127.0.0.1:8787": dev.url, "http://127.0.0.1:8080": server.url };
      outcomes = await runCommands(commands, servers);
    });

    test.each(commands.map((command, at) => [command.place, command, at] as const))(
      "the commands at %s return what the page says",
      (_, command, at) => {
        expectAsShown(command, outcomes[at] as Outcome);
      },
    );
  },
);
