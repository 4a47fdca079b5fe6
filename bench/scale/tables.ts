/** The tables of `docs/scaling.md`. */
import { BUSY_SHARE, MIX, POOL, POSTGRES } from "./assumptions.ts";
import { bent, type Law, logarithmic, power } from "./laws.ts";
import { isWrite, KINDS, type Model } from "./model.ts";
import { bytes, count, percent } from "./numbers.ts";
import type { Kind } from "./results.ts";

const LABELS: Record<Kind, string> = {
  book: "`GET /api/v1/books/{id}`",
  first: "`GET /api/v1/books`",
  cursor: "… with a cursor",
  search: "… with `search`",
  sale: "`POST /api/v1/books/{id}/stock`",
  edit: "`PATCH /api/v1/books/{id}`",
  create: "`POST /api/v1/books`",
};

const BEYOND = [1e7, 1e8];
const DEMANDS = [1e6, 1e7, 1e8, 1e9];
const CATALOGUES = [1e6, 1e8];

/** Each table as Markdown, by the name that marks its place in the page. */
export function tables(model: Model): Record<string, string> {
  return {
    costs: costs(model),
    capacity: capacity(model),
    growth: growth(model),
    bytes: sizes(model),
    connections: connections(model),
    needs: needs(model),
    flows: flows(model),
  };
}

function costs(model: Model): string {
  const rows = KINDS.map((kind) => {
    const [busy, alone] = [model.measured(kind, "busy"), model.measured(kind, "alone")];
    const size = model.last.sizes.find((one) => one.kind === kind);
    return [
      LABELS[kind],
      `${count(busy.serverCpu)} (${count(alone.serverCpu)})`,
      count(model.measured(kind, "busy", "bun").serverCpu),
      `${count(busy.postgresCpu)} (${count(alone.postgresCpu)})`,
      // Postgres's background work adds some to requests that take long.
      count(Math.min(1, busy.transactions)),
      isWrite(kind) ? count(busy.pages) : `${count(busy.pages)} (${count(alone.pages)})`,
      isWrite(kind) ? bytes(busy.wal) : "",
      bytes(size?.request ?? 0),
      bytes(size?.response ?? 0),
    ];
  });
  const head = [
    "",
    "Node, CPU µs",
    "Bun",
    "Postgres, CPU µs",
    "transactions",
    "pages",
    "WAL",
    "sent",
    "received",
  ];
  return markdown(head, rows);
}

/** What a core of Postgres does in a second if it does nothing else, and a day of the mix. */
function capacity(model: Model): string {
  const perSecond = (kind: Kind, company: "busy" | "alone") =>
    count((1e6 / model.measured(kind, company).postgresCpu) * BUSY_SHARE);
  const rows = KINDS.map((kind) => [
    LABELS[kind],
    `${count(MIX[kind] * 100)} %`,
    perSecond(kind, "busy"),
    perSecond(kind, "alone"),
  ]);
  return markdown(["", "of the mix", "many at once, per second", "each alone, per second"], rows);
}

function growth(model: Model): string {
  const row = (kind: Kind, law: Law, label: string, error: string) => [
    label,
    ...[...model.sizes, ...BEYOND].map((books) => count(model.postgresCpu(kind, "busy", books, law))),
    error,
  ];
  const errorOf = (kind: Kind, law: Law) => percent(model.missOfCpu(kind, "busy", law));
  const rows = KINDS.flatMap((kind) =>
    kind === "search"
      ? [
          // The other law has no point left to be tried on.
          row(kind, bent, `${LABELS[kind]}, at most`, "unknown"),
          row(kind, power, `${LABELS[kind]}, at least`, errorOf(kind, power)),
        ]
      : [row(kind, logarithmic, LABELS[kind], errorOf(kind, logarithmic))],
  );
  return markdown(["", ...model.sizes.map(count), ...BEYOND.map(count), "the law's error"], rows);
}

function sizes(model: Model): string {
  const rows = [...model.sizePoints()].map(([table, points]) => [
    `\`${table}\``,
    ...points.map(([books, size]) => count(size / books)),
    ...BEYOND.map((books) => bytes(model.bytesOf(table, books))),
    percent(model.missOfBytes(table)),
  ]);
  const all = [
    "all",
    ...model.sizes.map((books) => count(model.bytes(books) / books)),
    ...BEYOND.map((books) => bytes(model.bytes(books))),
    percent(model.missOfBytes()),
  ];
  return markdown(["", ...model.sizes.map(count), ...BEYOND.map(count), "the law's error"], [...rows, all]);
}

function needs(model: Model): string {
  const rows = CATALOGUES.flatMap((books) =>
    DEMANDS.map((requests) => {
      const need = model.need({ requests, books });
      return [
        count(requests),
        count(books),
        count(need.peak),
        `${need.processes}`,
        `${count(need.readCores)} (${count(need.searchCores)})`,
        count(need.writeCores),
        count(need.workersCores),
        `${need.replicas}`,
        `${need.replicasBehindEdge}`,
      ];
    }),
  );
  const head = [
    "requests a day",
    "books",
    "peak per second",
    "processes",
    "Postgres, cores for reads (searches)",
    "for writes",
    "for Workers",
    `replicas of ${POSTGRES.cores} cores`,
    "with edge cache",
  ];
  return markdown(head, rows);
}

function flows(model: Model): string {
  const rows = DEMANDS.map((requests) => {
    const { sentPerDay, walPerDay, ledgerPerDay } = model.flows(requests);
    return [count(requests), bytes(sentPerDay), bytes(walPerDay), bytes(ledgerPerDay)];
  });
  return markdown(["requests a day", "responses", "WAL, to each replica", "growth of the ledger"], rows);
}

function connections({ last }: Model): string {
  const processes = Math.floor(POSTGRES.connections / POOL);
  const all = bytes(processes * POOL * last.backend);
  return `After the load above, each connection's process in Postgres holds ${bytes(last.backend)} that no other process shares.
Of processes with ${POOL} connections each, fewer than ${processes} fit into the ${POSTGRES.connections} of \`max_connections\`, and ${processes} would take ${all}. A
connection that works occupies a core of Postgres, so beyond two or three connections for each core, more of them only wait.`;
}

/** The first column is text, the others are numbers. */
function markdown(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`.replaceAll("|  |", "| |");
  return [line(head), `|---|${"--:|".repeat(head.length - 1)}`, ...rows.map(line)].join("\n");
}
