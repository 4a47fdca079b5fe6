/** Tasks in Postgres: SQL and nothing else. Every function is one round trip and returns tasks as JSON text. */
import { eq, sql } from "drizzle-orm";
import type { Claim, Replay } from "../db/idempotency.ts";
import { jsonObject } from "../db/json.ts";
import { definePages, filteredPage, type Lines, type ListingPosition, orderBy } from "../db/keyset.ts";
import type { Database } from "../db/ports.ts";
import { defineResource, type Resource, type VersionDemand } from "../db/resource.ts";
import { tasks } from "../db/schema.ts";
import { TASK_MEMBERS, type TaskChanges, type TaskInput, type TaskQuery, WRITABLE } from "./contract.ts";

const taskJson = jsonObject(tasks, TASK_MEMBERS);

const resource = defineResource(tasks, {
  // The JSON is written when it is read. Increase the format when you add a member.
  representation: { json: taskJson, format: sql`1` },
  columns: { create: [tasks.title], change: WRITABLE.map((name) => tasks[name]) },
});

/** @throws MismatchFault, InProgressFault */
export function createTask(
  database: Database,
  members: TaskInput,
  claim: Claim | undefined,
): Promise<Resource | Replay> {
  return resource.create(database, members, claim);
}

/** @throws MissingFault */
export function readTask(database: Database, id: string): Promise<Resource> {
  return resource.read(database, id);
}

/** @throws MissingFault, VersionFault */
export function updateTask(
  database: Database,
  id: string,
  changes: TaskChanges,
  demand: VersionDemand,
): Promise<Resource> {
  return resource.change(database, id, changes, demand);
}

/** @throws MissingFault, VersionFault */
export function deleteTask(database: Database, id: string, demand: VersionDemand): Promise<void> {
  return resource.delete(database, id, demand);
}

const newestFirst = orderBy(tasks.created_at, tasks.id, true);
const pages = definePages(tasks, newestFirst, { json: taskJson, types: {} });

/** Up to `limit + 1` tasks from `position` on, in the direction of travel; the newest come first. */
export async function listTasks(
  database: Database,
  { completed, limit }: TaskQuery,
  position: ListingPosition | undefined,
): Promise<Lines> {
  const page =
    completed === undefined
      ? pages(position, limit, {})
      : filteredPage(tasks, newestFirst, {
          filters: [eq(tasks.completed, completed)],
          position,
          limit,
          json: taskJson,
        });
  const [found] = await database.read<Lines>(page);
  return found as Lines;
}
