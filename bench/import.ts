/**
 * `npm run bench:import`: imports generated books into a table of a million, in alternation with a bare COPY of the same rows
 * into the same table, then again, and exports all; and reads ONIX. Each command's memory is drawn over its time.
 * `--against 95b6f1a` also copies the rows into the schema of another commit.
 */
import { execFile, spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { DATABASE } from "../dev/cli.ts";
import { type Postgres, startPostgres } from "../dev/postgres.ts";
import { command, withClient } from "../ops/command.ts";
import { DATA } from "../ops/data.ts";
import { StartupError } from "../src/startup-error.ts";
import { POSTGRES_SETTINGS, prepare } from "./catalogue.ts";
import { resolveCommit } from "./checkout.ts";
import { copyForMigrations } from "./databases.ts";
import { COLUMNS, onixRate, writeCsv } from "./import-files.ts";
import { memoryPlot, type Samples } from "./import-plot.ts";
import { median } from "./median.ts";
import { table } from "./report.ts";

const TARGET = "octavo_import";
const SAMPLE_MS = 100;

interface Measured {
  seconds: number;
  /** Megabytes of 1,000,000 bytes, at the most. */
  memory?: number;
}

await command(async () => {
  const { books, rows, rounds, against, plot } = parseOptions();
  const folder = await mkdtemp(join(tmpdir(), "octavo-bench-import-"));
  // Postgres reads the file too, as another user.
  await chmod(folder, 0o755);
  const postgres = await startPostgres({
    directory: join(DATA, "bench"),
    flags: POSTGRES_SETTINGS,
    onProgress: console.log,
  });
  try {
    const source = `${DATABASE}_bench_${books}`;
    await prepare(postgres, source, books);
    const other = against && (await otherSchema(postgres, source, against));
    const file = join(folder, "books.csv");
    await writeCsv(file, books, rows);
    const samples: Samples[] = [];
    const measured = await alternate({ postgres, source, other, file, folder, rounds, samples });
    report(measured, rows, books + rows, await onixRate());
    if (plot) await writeFile(plot, memoryPlot(samples));
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true });
  }
});

function parseOptions() {
  const usage =
    "Usage: npm run bench:import -- [--books 1000000] [--rows 200000] [--rounds 3] [--against COMMIT] [--plot FILE.svg]";
  try {
    const { values } = parseArgs({
      options: {
        books: { type: "string", default: "1000000" },
        rows: { type: "string", default: "200000" },
        rounds: { type: "string", default: "3" },
        against: { type: "string" },
        plot: { type: "string" },
      },
    });
    const [books, rows, rounds] = [values.books, values.rows, values.rounds].map(Number) as [
      number,
      number,
      number,
    ];
    if (![books, rows, rounds].every((number) => Number.isInteger(number) && number > 0))
      throw new Error("Give whole numbers.");
    return { books, rows, rounds, against: values.against, plot: values.plot };
  } catch (error) {
    throw new StartupError(`${(error as Error).message}\n${usage}`);
  }
}

/** The same books in a database with the migrations of another commit. */
async function otherSchema(postgres: Postgres, source: string, ref: string): Promise<string> {
  const commit = await resolveCommit(ref);
  const git = async (...args: string[]) =>
    (await promisify(execFile)("git", args, { maxBuffer: 1e8 })).stdout;
  const paths = (await git("ls-tree", "-r", "--name-only", commit, "drizzle"))
    .split("\n")
    .filter((path) => /\.sql$/.test(path));
  const name = `${source}_${commit}`;
  await copyForMigrations(postgres, postgres.url(source), name, (url) =>
    withClient(url, async (client) => {
      const { rows } = await client.query("select to_regclass('books') as books");
      if (rows[0]?.books) return;
      for (const path of paths)
        for (const statement of (await git("show", `${commit}:${path}`)).split("--> statement-breakpoint"))
          await client.query(statement);
    }),
  );
  return name;
}

interface Setting {
  postgres: Postgres;
  source: string;
  other: string | undefined;
  file: string;
  folder: string;
  rounds: number;
  samples: Samples[];
}

type Method = "copy" | "other" | "import" | "again" | "csv" | "ndjson";

async function alternate(setting: Setting): Promise<Map<Method, Measured[]>> {
  const { rounds, other, folder, file, samples } = setting;
  const measured = new Map<Method, Measured[]>();
  const note = async (method: Method, one: Promise<Measured>) => {
    measured.set(method, [...(measured.get(method) ?? []), await one]);
  };
  for (let round = 1; round <= rounds; round++) {
    console.log(`Round ${round} of ${rounds}`);
    const onSamples = round === rounds ? (one: Samples) => samples.push(one) : () => {};
    await note(
      "copy",
      inCopy(setting, setting.source, (url) => bareCopy(url, file)),
    );
    if (other)
      await note(
        "other",
        inCopy(setting, other, (url) => bareCopy(url, file)),
      );
    await inCopy(setting, setting.source, async (url) => {
      const load = (label: string) => run("import", [file], { url, label, onSamples });
      await note("import", load("Import, new books"));
      await note("again", load("Import, the same file again"));
      for (const format of ["csv", "ndjson"] as const) {
        const path = join(folder, `export.${format}`);
        const options = { url, label: `Export as ${format.toUpperCase()}`, onSamples };
        await note(format, run("export", [path, "--format", format], options));
      }
    });
  }
  return measured;
}

/** Does something with a copy of a database, whose pages have been read. */
async function inCopy<T>(
  { postgres }: Setting,
  template: string,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const drop = () =>
    withClient(postgres.url("postgres"), (client) =>
      client.query(`drop database if exists ${TARGET} with (force)`),
    );
  await drop();
  await postgres.createDatabase(TARGET, template);
  const url = postgres.url(TARGET);
  await withClient(url, async (client) => {
    await client.query("set statement_timeout = 0");
    await client.query("select count(*), sum(length(json)) from books");
    await client.query("checkpoint");
  });
  try {
    return await work(url);
  } finally {
    await drop();
  }
}

async function bareCopy(url: string, file: string): Promise<Measured> {
  return withClient(url, async (client) => {
    await client.query("set statement_timeout = 0");
    const started = performance.now();
    await client.query(`copy books (${COLUMNS.join()}) from '${file}' with (format csv, header)`);
    return { seconds: (performance.now() - started) / 1000 };
  });
}

/** Runs a command of dist/ with the flags of its script, and samples its memory. */
async function run(
  name: "import" | "export",
  args: string[],
  { url, label, onSamples }: { url: string; label: string; onSamples: (samples: Samples) => void },
): Promise<Measured> {
  const { scripts } = JSON.parse(await readFile("package.json", "utf8"));
  const [, ...flags] = scripts[name].split(" ");
  const started = performance.now();
  const child = spawn(process.execPath, [...flags, ...args], {
    env: { PATH: process.env.PATH, DATABASE_URL: url },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const points: Samples["points"] = [];
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8").catch(() => "");
    const [, kib] = status.match(/^VmRSS:\s+(\d+) kB$/m) ?? [];
    if (kib) points.push([(performance.now() - started) / 1000, (Number(kib) * 1024) / 1e6]);
  }, SAMPLE_MS);
  const code = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  if (code !== 0) throw new StartupError(`${name} ended with ${code}.`);
  onSamples({ label, points });
  return {
    seconds: (performance.now() - started) / 1000,
    memory: Math.max(...points.map(([, megabytes]) => megabytes)),
  };
}

function report(measured: Map<Method, Measured[]>, rows: number, books: number, onix: number): void {
  const middle = (method: Method) => median(measured.get(method)?.map(({ seconds }) => seconds) ?? []);
  const most = (method: Method) =>
    Math.max(...(measured.get(method) ?? []).map(({ memory = Number.NaN }) => memory));
  const line = (label: string, method: Method, count: number, ratio: string) =>
    measured.has(method)
      ? [
          [
            label,
            Math.round(count / middle(method)).toLocaleString("en"),
            ratio,
            Number.isNaN(most(method)) ? "" : `${most(method).toFixed(0)} MB`,
          ],
        ]
      : [];
  const over = (one: Method, other: Method) => (middle(other) / middle(one)).toFixed(2);
  console.log(
    table(
      ["", "rows per second", "ratio", "memory"],
      [
        ...line("bare COPY", "copy", rows, "1"),
        ...line("bare COPY, other schema", "other", rows, `${over("other", "copy")} × COPY`),
        ...line("import of new books", "import", rows, `${over("import", "copy")} × COPY`),
        ...line("the same file again", "again", rows, `${over("again", "import")} × import`),
        ...line("export as CSV", "csv", books, ""),
        ...line("export as NDJSON", "ndjson", books, ""),
      ],
    ),
  );
  if (measured.has("other"))
    console.log(`Import is ${over("import", "other")} × the COPY into the other schema.`);
  console.log(`ONIX: ${Math.round(onix).toLocaleString("en")} products per second of CPU.`);
}
