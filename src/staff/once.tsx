/** Forms that create something: sent twice, by a double click or after a lost connection, they create it once. */
import type { Claim, Replay } from "../db/idempotency.ts";
import type { Resource } from "../db/resource.ts";
import { textOf } from "../http/form.ts";
import { claimUnder } from "../http/idempotency-key.ts";
import { afterFirst } from "./after-first.ts";

const NAME = "once";

/** The field that tells one form from another. */
export const OnceField = ({ form }: { form?: FormData | undefined }) => (
  <input type="hidden" name={NAME} value={(form && textOf(form, NAME)) || crypto.randomUUID()} />
);

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
  const outcome = await afterFirst(() => create(claim));
  return "id" in outcome ? outcome.id : JSON.parse(outcome.body).id;
}
