/** What the API promises about tasks, the shop's to-do list. */
import * as z from "zod";
import { keysOf, moment, readOnlyMembers, text, trueOrFalse, uuid, withoutReadOnly } from "../http/fields.ts";
import { cursorPage, type Paging, pageParameters } from "../http/paging.ts";
import { json, MERGE_PATCH, route } from "../http/route.ts";

const examples = ["Order more Dune"];

export const Task = z
  .strictObject({
    id: uuid(),
    title: z.string().meta({ examples }),
    completed: z.boolean().meta({ examples: [false] }),
    created_at: moment(),
    updated_at: moment(),
  })
  .meta({ id: "Task" });

/** In the order of the JSON. */
export const TASK_MEMBERS = keysOf(Task.shape);

const writable = {
  title: text({ min: 1, max: 255 }).meta({ examples }),
  completed: z.boolean(),
};

/** The members that a client writes. */
export const WRITABLE = keysOf(writable);

export const TaskInput = z.strictObject({ title: writable.title }).meta({ id: "TaskInput" });

export const TaskChanges = z
  .strictObject({ ...writable, ...readOnlyMembers })
  .partial()
  .transform(withoutReadOnly)
  .meta({ id: "TaskChanges", examples: [{ completed: true }] });

export type TaskInput = z.output<typeof TaskInput>;
export type TaskChanges = z.output<typeof TaskChanges>;

const filters = {
  completed: trueOrFalse()
    .optional()
    .meta({ description: "`true` lists completed tasks, `false` lists open tasks." }),
};

export const taskPaging = {
  bound: z.object(filters),
  query: z.strictObject({ ...pageParameters, ...filters }),
} satisfies Paging;

export type TaskQuery = z.output<typeof taskPaging.query>;

const TaskPage = cursorPage(Task).meta({ id: "TaskPage" });

const byId = z.object({ id: uuid() });
const tag = { name: "Tasks", description: "The shop's to-do list." };
const tasks = { tag, database: true, role: "clerk" } as const;
const theTask = { description: "The task.", schema: Task, headers: ["ETag"] } as const;

export const createTask = route({
  ...tasks,
  method: "post",
  path: "/api/v1/tasks",
  name: "createTask",
  summary: "Add a task",
  body: json(TaskInput),
  success: { 201: { ...theTask, headers: ["ETag", "Location"] } },
  problems: [],
});

export const listTasks = route({
  ...tasks,
  method: "get",
  path: "/api/v1/tasks",
  name: "listTasks",
  summary: "List tasks, newest first",
  paging: taskPaging,
  success: { 200: { description: "A page of tasks.", schema: TaskPage, headers: ["Link"] } },
  problems: [],
});

export const getTask = route({
  ...tasks,
  method: "get",
  path: "/api/v1/tasks/:id",
  name: "getTask",
  summary: "Get a task",
  params: byId,
  conditional: true,
  success: { 200: theTask, 304: { description: "Not modified.", headers: ["ETag"] } },
  problems: [],
});

export const updateTask = route({
  ...tasks,
  method: "patch",
  path: "/api/v1/tasks/:id",
  name: "updateTask",
  summary: "Update a task",
  params: byId,
  body: json(TaskChanges, { types: MERGE_PATCH }),
  conditional: true,
  success: { 200: theTask },
  problems: [],
});

export const deleteTask = route({
  ...tasks,
  method: "delete",
  path: "/api/v1/tasks/:id",
  name: "deleteTask",
  summary: "Delete a task",
  params: byId,
  conditional: true,
  success: { 204: { description: "Deleted." } },
  problems: [],
});
