/** Forms that create something: sent twice, by a double click or after a lost connection, they create it once. */
import { type Claim, InProgressFault, type Replay } from "../db/idempotency.ts";
import type { Resource } from "../db/resource.ts";
import { textOf } from "../http/form.ts";
import { claimUnder } from "../http/idempotency-key.ts";

const NAME = "once";

/** The field that tells one form from another. */
export const OnceField = ({ form }: { form?: FormData | undefined }) => (
  <input type="hidden" name={NAME} value={(form && textOf(form, NAME)) || crypto.randomUUID()} />
);

/** How long the second of two clicks waits for the first, in milliseconds: a browser shows what the second got. */
const WAITS = [50, 100, 200, 400, 800];

/**
 * Creates a resource of a collection once.
 *
 * @returns its id
 */
export async function createOnce(
  form: FormData,
  { members, collection }: { members: object; collection: string },
  create: (claim: Claim) => Promise<Resource | Replay>,
): Promise<string> {
  // What was typed is part of the name: the form can be used again for something else.
  const content = [collection, members];
  const name = JSON.stringify([textOf(form, NAME), content]);
  const claim: Claim = { ...(await claimUnder(name, content)), status: 201, collection };
  for (const wait of WAITS) {
    try {
      return idOf(await create(claim));
    } catch (fault) {
      if (!(fault instanceof InProgressFault)) throw fault;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return idOf(await create(claim));
}

const idOf = (outcome: Resource | Replay): string =>
  "id" in outcome ? outcome.id : JSON.parse(outcome.body).id;
