/** The pages of the tasks. */
import * as z from "zod";
import { STAFF } from "../http/auth/session.ts";
import { trueOrFalse, uuid } from "../http/fields.ts";
import { page } from "../http/page.ts";
import { listTasks, taskPaging } from "../tasks/contract.ts";

/** Shows open tasks unless asked for others. */
const completed = trueOrFalse().default(false);

export const paging = {
  bound: taskPaging.bound.extend({ completed }),
  query: taskPaging.query.extend({ completed }),
};

export const TASKS_IN_PAGE = 50;

export const showTasks = page({
  path: `${STAFF}/tasks`,
  role: "clerk",
  listing: { path: listTasks.path, paging, limit: TASKS_IN_PAGE },
});

export const createTask = page({ method: "POST", path: showTasks.path, role: "clerk" });

const params = z.object({ id: uuid() });

export const updateTask = page({ method: "POST", path: `${STAFF}/tasks/:id`, role: "clerk", params });

export const deleteTask = page({ method: "POST", path: `${STAFF}/tasks/:id/delete`, role: "clerk", params });
