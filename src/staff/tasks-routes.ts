/** The shop's to-do list, for staff. */
import type { Lines, ListingPosition } from "../db/keyset.ts";
import { MissingFault } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { textOf } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import { faultsOf, NO_MESSAGE } from "../http/validate.ts";
import { TaskInput } from "../tasks/contract.ts";
import * as store from "../tasks/store.ts";
import { createOnce } from "./once.tsx";
import { type Staff, seeOther } from "./staff.ts";
import { targetOf } from "./target.ts";
import { type Shown, TasksPage } from "./tasks.tsx";
import * as contract from "./tasks-contract.ts";

const { path } = contract.showTasks;

export function taskRoutes(api: Api, staff: Staff): void {
  api.page(contract.showTasks, async ({ query, position, url }, context) => {
    const found = await store.listTasks(context.database, query, position);
    const shown = shownOf(found, query, position, url, context);
    return staff.reply(context, url, { title: "Tasks", place: "tasks" }, (desk) =>
      TasksPage({ desk, shown }),
    );
  });

  api.page(contract.createTask, async ({ form, url }, context) => {
    const typed = { title: textOf(form, "title") };
    const result = TaskInput.safeParse(typed, NO_MESSAGE);
    if (result.success) {
      const members = result.data;
      await createOnce(form, { members, collection: path }, (claim) =>
        store.createTask(context.database, members, claim),
      );
      return seeOther(path);
    }
    const [{ message: fault } = { message: "" }] = faultsOf("body", typed, result);
    const query = { completed: false, limit: contract.TASKS_IN_PAGE };
    const listed = new URL(contract.showTasks.listing.path, url);
    const found = await store.listTasks(context.database, query, undefined);
    const shown = shownOf(found, query, undefined, listed, context);
    const draft = { title: typed.title, fault, form };
    return staff.reply(context, url, { title: "Tasks", place: "tasks", status: 422 }, (desk) =>
      TasksPage({ desk, shown, draft }),
    );
  });

  api.page(contract.updateTask, async ({ params: { id }, form }, { database }) => {
    const completed = textOf(form, "completed") === "true";
    await store.updateTask(database, id, { completed }, ANY);
    return seeOther(targetOf(textOf(form, "to"), path));
  });

  api.page(contract.deleteTask, async ({ params: { id }, form }, { database }) => {
    try {
      await store.deleteTask(database, id, ANY);
    } catch (fault) {
      // Somebody else was faster.
      if (!(fault instanceof MissingFault)) throw fault;
    }
    return seeOther(targetOf(textOf(form, "to"), path));
  });
}

/** Whatever its version. */
const ANY = { exists: true, oneOf: undefined, noneOf: undefined };

function shownOf(
  found: Lines,
  query: { completed: boolean; limit: number },
  position: ListingPosition | undefined,
  url: URL,
  { pages }: HandlerContext,
): Shown {
  const { completed, limit } = query;
  const listing = { url, paging: contract.paging, query, limit, key: "created_at" };
  const { rows, ...around } = pages.cut(found, position, listing);
  const tasks = rows.map((row) => JSON.parse(row));
  return { url, completed, tasks, isFirst: position === undefined, ...around };
}
