/** Adding, changing and deleting books: forms to the store of the API, and its faults back to their fields. */
import { BookChanges, BookInput, ZERO_PRICE_WITH_STOCK } from "../books/book.ts";
import * as store from "../books/store.ts";
import { ConstraintFault } from "../db/faults.ts";
import { MissingFault, type Resource, TakenFault, type VersionDemand, VersionFault } from "../db/resource.ts";
import type { Api } from "../http/api.ts";
import { textOf } from "../http/form.ts";
import type { HandlerContext } from "../http/handler.ts";
import { ConflictPage } from "./book-conflict.tsx";
import {
  DeletedPage,
  DeletionPage,
  type Draft,
  EditBookPage,
  NewBookPage,
  pathOfBook,
} from "./book-pages.tsx";
import { changedIn, membersIn, type Texts, textsIn, textsOf, typedIn } from "./book-texts.ts";
import * as contract from "./books-contract.ts";
import type { Desk } from "./desk.ts";
import type { Numbers } from "./numbers.ts";
import { createOnce } from "./once.tsx";
import { type Staff, seeOther } from "./staff.ts";
import { targetOf } from "./target.ts";

const PLACE = { place: "books" } as const;

export function editingRoutes(api: Api, staff: Staff, numbers: Numbers): void {
  api.page(contract.createBook, async ({ form, url }, context) => {
    const texts = typedIn(form);
    const to = textOf(form, "to");
    const again = (draft: Pick<Draft, "faults" | "holder">) =>
      staff.reply(context, url, { title: "Add a book", ...PLACE, status: 422 }, (desk) =>
        NewBookPage({ desk, draft: { ...draft, texts, to }, form }),
      );
    const { members, faults } = membersIn(BookInput, texts, numbers);
    if (!members) return again({ faults });
    try {
      const collection = contract.showBooks.path;
      const id = await createOnce(form, { members, collection }, (claim) =>
        store.createBook(context.database, members, context.actor, claim),
      );
      return seeOther(targetOf(to, `${pathOfBook(id)}?done=added`));
    } catch (fault) {
      return again(refusalOf(fault));
    }
  });

  api.page(contract.updateBook, async (input, context) => updated(staff, numbers, input, context));

  api.page(contract.showDeletion, async ({ params, url }, context) => {
    const { version, json } = await store.readBook(context.database, params);
    return staff.reply(context, url, { title: "Delete a book", ...PLACE }, (desk) =>
      DeletionPage({ desk, book: JSON.parse(json), version }),
    );
  });

  api.page(contract.deleteBook, async ({ params: { id }, form, url }, context) => {
    const { version, json } = await store.readBook(context.database, { id });
    const book = JSON.parse(json);
    try {
      await store.deleteBook(context.database, id, context.actor, demandOf(id, form));
    } catch (fault) {
      if (!(fault instanceof VersionFault)) throw fault;
      return staff.reply(context, url, { title: "Delete a book", ...PLACE, status: 412 }, (desk) =>
        DeletionPage({ desk, book, version, isChanged: true }),
      );
    }
    return staff.reply(context, url, { title: "Deleted", ...PLACE }, () => DeletedPage(book));
  });
}

interface Sent {
  params: { id: string };
  form: FormData;
  url: URL;
}

/** Saves what was changed, and nothing else. */
async function updated(
  staff: Staff,
  numbers: Numbers,
  { params: { id }, form, url }: Sent,
  context: HandlerContext,
) {
  const was = textsIn(textOf(form, "was"));
  const typed = typedIn(form);
  const to = textOf(form, "to");
  const texts = { ...was, ...typed };
  const title = texts.title ?? "Book";
  const again = (draft: Pick<Draft, "faults" | "holder">) =>
    staff.reply(context, url, { title, ...PLACE, status: 422 }, (desk) =>
      EditBookPage({
        desk,
        id,
        title: was.title ?? "Book",
        draft: { ...draft, texts, to },
        version: textOf(form, "version"),
        was: textOf(form, "was"),
      }),
    );
  const changes = Object.fromEntries(changedIn(typed, was).map((name) => [name, typed[name]])) as Texts;
  const { members, faults } = membersIn(BookChanges, changes, numbers);
  if (!members) return again({ faults });
  const saved = () => seeOther(targetOf(to, `${pathOfBook(id)}?done=saved`));
  if (Object.keys(members).length === 0) return saved();
  try {
    await store.updateBook(context.database, id, members, context.actor, demandOf(id, form));
    return saved();
  } catch (fault) {
    if (fault instanceof MissingFault)
      return staff.reply(context, url, { title: "Add a book", ...PLACE, status: 404 }, (desk) =>
        NewBookPage({ desk, draft: { texts, faults: {}, to }, isDeleted: true }),
      );
    if (!(fault instanceof VersionFault)) return again(refusalOf(fault));
  }
  const { version, json } = await store.readBook(context.database, { id });
  const conflict = { was, typed: changes, now: textsOf(JSON.parse(json), numbers) };
  // Somebody else has made the same changes.
  if (changedIn(changes, conflict.now).length === 0) return saved();
  return staff.reply(context, url, { title, ...PLACE, status: 412 }, (desk) =>
    ConflictPage({ desk, id, title: conflict.now.title, version, conflict, to }),
  );
}

/** The form of a book as it is now. */
export function editorOf(shown: {
  desk: Desk;
  found: Resource;
  numbers: Numbers;
  to: string | undefined;
  done: string | undefined;
}) {
  const { found, numbers, to, ...rest } = shown;
  const texts = textsOf(JSON.parse(found.json), numbers);
  return EditBookPage({
    ...rest,
    id: found.id,
    title: texts.title,
    draft: { texts, faults: {}, to },
    version: found.version,
    was: JSON.stringify(texts),
  });
}

/** The version that a form was made of. One that is no number fits no book. */
function demandOf(id: string, form: FormData): VersionDemand {
  const [version = "0"] = textOf(form, "version").match(/^\d{1,18}$/) ?? [];
  return { exists: true, oneOf: [`${id}.${version}`], noneOf: undefined };
}

/** What the database's refusal means for the fields. @throws what is no refusal */
function refusalOf(fault: unknown): Pick<Draft, "faults" | "holder"> {
  if (fault instanceof ConstraintFault && fault.constraint === "books_isbn_key") {
    const holder = fault instanceof TakenFault ? fault.holder : undefined;
    return { faults: { isbn: "is that of another book" }, holder };
  }
  if (fault instanceof ConstraintFault && fault.constraint === "books_zero_price_with_stock")
    return { faults: { price: ZERO_PRICE_WITH_STOCK } };
  throw fault;
}
