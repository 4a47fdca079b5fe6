/** The program of docs/feed.md: it keeps a copy, survives being killed, and starts anew when its cursor expires. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { newBook } from "../support/books.ts";
import { type Client, createClient } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { atEnd } from "../support/end.ts";
import { blocksOf } from "../support/markdown.ts";
import { createProject } from "../support/project.ts";
import { startServer } from "../support/servers.ts";
import { SECRET, tokenFor } from "../support/token.ts";

const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
const PATIENCE = { timeout: 20_000 };

let database: TestDatabase;
let api: Client;
let directory: string;

beforeAll(async () => {
  database = await createTestDatabase();
  const { url } = await startServer("node", database, { AUTH_SECRET: SECRET });
  api = await createClient(url, await tokenFor("editor"));
  directory = await createProject();
  const block = blocksOf("docs/feed.md").find(({ file }) => file === "copy.ts");
  await writeFile(join(directory, "copy.ts"), `${block?.text}`.replace("http://127.0.0.1:8787", url));
});

function start(): ChildProcess {
  const child = spawn(process.execPath, ["copy.ts"], {
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit"],
  });
  atEnd(() => child.kill("SIGKILL"));
  return child;
}

const columns = "id, isbn, title, price, stock";
const books = () => database.sql("select id, isbn, title, price::float, stock from books order by id");

function copy() {
  try {
    const sqlite = new DatabaseSync(join(directory, "books.db"));
    try {
      return sqlite
        .prepare(`select ${columns} from books order by id`)
        .all()
        .map((row) => ({ ...row }));
    } finally {
      sqlite.close();
    }
  } catch {
    // It is being written.
    return undefined;
  }
}

const expectCopied = async () => expect.poll(copy, PATIENCE).toEqual(await books());

const add = async () => (await api("POST", "/api/v1/books", { body: newBook() })).json;

test("the copy follows the catalogue, also after the program was killed, and after its cursor expired", async () => {
  const [first, second] = [await add(), await add(), await add()];
  let program = start();
  await expectCopied();
  await api("PATCH", `/api/v1/books/${first.id}`, { body: { title: "Arrakis", price: 3.5 } });
  await api("DELETE", `/api/v1/books/${second.id}`);
  await expectCopied();
  program.kill("SIGKILL");
  await once(program, "exit");
  await api("POST", `/api/v1/books/${first.id}/stock`, { body: { delta: -1 } });
  await add();
  program = start();
  await expectCopied();
  await database.sql("update book_feed set epoch = default");
  await once(program, "exit");
  expect(program.exitCode).toBe(0);
  expect(copy()).toEqual([]);
  start();
  await expectCopied();
}, 90_000);
