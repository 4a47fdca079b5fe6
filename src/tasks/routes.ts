/** Tasks over HTTP. */
import type { Api } from "../http/api.ts";
import { versionDemand } from "../http/etag.ts";
import { created, fresh, noContent, ok } from "../http/reply.ts";
import * as contract from "./contract.ts";
import * as store from "./store.ts";

export function taskRoutes(api: Api): void {
  api.on(contract.createTask, async ({ body, claim }, { database }) =>
    created(await store.createTask(database, body, claim), contract.createTask.path),
  );

  api.on(contract.listTasks, async ({ query, position, url }, { database, pages }) => {
    const found = await store.listTasks(database, query, position);
    return pages.write(found, position, {
      url,
      paging: contract.taskPaging,
      query,
      limit: query.limit,
      key: "created_at",
    });
  });

  api.on(contract.getTask, async ({ params: { id }, preconditions }, { database }) =>
    fresh(await store.readTask(database, id), preconditions),
  );

  api.on(contract.updateTask, async ({ params: { id }, body, preconditions }, { database }) =>
    ok(await store.updateTask(database, id, body, versionDemand(preconditions))),
  );

  api.on(contract.deleteTask, async ({ params: { id }, preconditions }, { database }) => {
    await store.deleteTask(database, id, versionDemand(preconditions));
    return noContent;
  });
}
