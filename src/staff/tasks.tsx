/** The page of the tasks. */
import type * as z from "zod";
import type { Task } from "../tasks/contract.ts";
import type { Desk } from "./desk.ts";
import { Field } from "./fields.tsx";
import { FormToken } from "./layout.tsx";
import { type Around, addressOf, countOf, More, View } from "./list.tsx";
import { OnceField } from "./once.tsx";
import { showTasks } from "./tasks-contract.ts";

const { path } = showTasks;

export interface Shown extends Around {
  url: URL;
  completed: boolean;
  tasks: z.output<typeof Task>[];
  isFirst: boolean;
}

interface Props {
  desk: Desk;
  shown: Shown;
  /** A task that was not added, and why. */
  draft?: { title: string; fault: string; form: FormData } | undefined;
}

export function TasksPage({ desk, shown, draft }: Props) {
  const { url, completed, tasks, next, previous } = shown;
  return (
    <>
      <h1 class="title">Tasks</h1>
      <form class="add-task" method="post" action={path}>
        <FormToken desk={desk} />
        <OnceField form={draft?.form} />
        <Field
          name="title"
          label="A new task"
          value={draft?.title}
          fault={draft?.fault}
          autocomplete="off"
          dir="auto"
        />
        <button type="submit" class="button">
          Add
        </button>
      </form>
      <nav class="views" aria-label="Which tasks">
        <View href={path} isShown={!completed}>
          Open
        </View>
        <View href={`${path}?completed=true`} isShown={completed}>
          Done
        </View>
      </nav>
      <p class="note count">
        {countOf(tasks, completed ? ["done task", "done tasks"] : ["open task", "open tasks"], shown)}
      </p>
      {tasks.length > 0 && (
        <ul class="tasks">
          {tasks.map((task) => (
            <TaskItem desk={desk} task={task} address={addressOf(path, url, cursorOf(url))} />
          ))}
        </ul>
      )}
      <More path={path} url={url} next={next} previous={previous} />
    </>
  );
}

const cursorOf = ({ searchParams }: URL) => ({ cursor: searchParams.get("cursor") ?? undefined });

interface ItemProps {
  desk: Desk;
  task: z.output<typeof Task>;
  /** The page to return to. */
  address: string;
}

/** The box is a button that sends the form, so it needs no script. */
function TaskItem({ desk, task: { id, title, completed, updated_at }, address }: ItemProps) {
  return (
    <li>
      <form method="post" action={`${path}/${id}`}>
        <FormToken desk={desk} />
        <input type="hidden" name="to" value={address} />
        {/* biome-ignore lint/a11y/useSemanticElements: without a script, only a button sends a form */}
        <button
          type="submit"
          class="tick"
          name="completed"
          value={`${!completed}`}
          role="checkbox"
          aria-checked={completed ? "true" : "false"}
          aria-labelledby={`task-${id}`}
        />
      </form>
      <span id={`task-${id}`} dir="auto">
        {title}
      </span>
      {completed && <time datetime={updated_at}>{desk.site.writer.time(updated_at)}</time>}
      <form method="post" action={`${path}/${id}/delete`}>
        <FormToken desk={desk} />
        <input type="hidden" name="to" value={address} />
        <button type="submit" class="link" aria-label={`Delete ${title}`}>
          Delete
        </button>
      </form>
    </li>
  );
}
