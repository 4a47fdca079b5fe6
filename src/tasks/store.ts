/** Tasks in Postgres: SQL and nothing else. Every function is one round trip, and a task comes back as JSON text. */
import { eq } from "drizzle-orm";
import type { Database } from "../db/database.ts";
import type { Claim } from "../db/idempotency.ts";
import { instant, jsonObject } from "../db/json.ts";
import { keysetPage, type Position, type Rows } from "../db/keyset.ts";
import {
  changeOne,
  createOne,
  deleteOne,
  lookupBy,
  type Resource,
  readOne,
  type VersionDemand,
} from "../db/resource.ts";
import { tasks } from "../db/schema.ts";
import type { NewTask, TaskChanges, TaskQuery } from "./contract.ts";

const taskJson = jsonObject({
  id: tasks.id,
  title: tasks.title,
  completed: tasks.completed,
  created_at: instant(tasks.createdAt),
  updated_at: instant(tasks.updatedAt),
});

/** @throws MismatchFault, InProgressFault */
export function createTask(
  database: Database,
  members: NewTask,
  claim: Claim | undefined,
): Promise<Resource> {
  return createOne(database, tasks, taskJson, { columns: [tasks.title], members, claim });
}

const byId = lookupBy(tasks, tasks.id, taskJson);

/** @throws MissingFault */
export function readTask(database: Database, id: string): Promise<Resource> {
  return readOne(database, byId, id);
}

/** @throws MissingFault, VersionFault */
export function updateTask(
  database: Database,
  id: string,
  changes: TaskChanges,
  demand: VersionDemand,
): Promise<Resource> {
  return changeOne(database, tasks, taskJson, {
    id,
    demand,
    columns: [tasks.title, tasks.completed],
    changes,
  });
}

/** @throws MissingFault, VersionFault */
export function deleteTask(database: Database, id: string, demand: VersionDemand): Promise<void> {
  return deleteOne(database, tasks, { id, demand });
}

/** Up to `limit + 1` tasks from `position` on, in the direction of travel; the newest come first. */
export async function listTasks(
  database: Database,
  { completed, limit }: TaskQuery,
  position: Position | undefined,
): Promise<Rows> {
  const filters = completed === undefined ? [] : [eq(tasks.completed, completed)];
  const order = { column: tasks.createdAt, id: tasks.id, descending: true };
  const page = keysetPage(tasks, order, { filters, position, limit, json: taskJson });
  const [found] = await database.read<Rows>(page);
  return found as Rows;
}
