/** The pages for staff: their paths, who may open them, and what they take from a request. */
import * as z from "zod";
import { STAFF } from "../http/auth/session.ts";
import { page } from "../http/page.ts";

/** Text of a query that says where to return to, or comes from a provider. */
const given = z.string().optional();

export const showHome = page({ path: STAFF, role: "clerk" });

export const showSignIn = page({ path: `${STAFF}/sign-in`, query: z.object({ to: given }) });

export const signIn = page({ method: "POST", path: showSignIn.path });

export const goToProvider = page({ path: `${STAFF}/sign-in/provider`, query: z.object({ to: given }) });

export const returnFromProvider = page({
  path: `${STAFF}/sign-in/callback`,
  query: z.object({ code: given, state: given, iss: given, error: given, error_description: given }),
});

export const signOut = page({ method: "POST", path: `${STAFF}/sign-out`, role: "clerk" });
