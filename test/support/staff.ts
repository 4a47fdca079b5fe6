import { SECRET, tokenFor } from "./token.ts";

/** The variables of a server at which {@link signIn} signs in. */
export const STAFF_VARIABLES = { AUTH_SECRET: SECRET };

/** What a browser gets: redirects are not followed. */
export interface Shown {
  status: number;
  headers: Headers;
  html: string;
}

/** The fields of a form; a name may be repeated. */
type Fields = Record<string, string> | [name: string, value: string][];

/** Somebody who has signed in at `/staff`, without a browser. */
export interface Clerk {
  /** The session's cookie, as browsers send it. */
  cookie: string;
  /** The token that each form of the session carries. */
  formToken: string;
  get(path: string, headers?: Record<string, string>): Promise<Shown>;
  /** Sends a form with its token. */
  post(path: string, fields?: Fields | FormData, headers?: Record<string, string>): Promise<Shown>;
  /** What a browser context of Playwright starts with, so that it is signed in. */
  storageState: { cookies: StoredCookie[]; origins: [] };
}

interface StoredCookie {
  name: string;
  value: string;
  domain: string;
  path: string;
  expires: number;
  httpOnly: boolean;
  secure: boolean;
  sameSite: "Lax";
}

/** Signs in with a token, the way people do. */
export async function signIn(
  url: string,
  role: "clerk" | "editor" | "admin" = "clerk",
  subject?: string,
): Promise<Clerk> {
  const page = await show(`${url}/staff/sign-in`);
  const form = { form_token: formTokenIn(page), token: await tokenFor(role, subject) };
  const started = await show(`${url}/staff/sign-in`, cookieOf(page), form);
  const cookie = cookieOf(started);
  const formToken = formTokenIn(await show(`${url}/staff/tasks`, cookie));
  const [name = "", value = ""] = cookie.split(/=(.*)/s);
  return {
    cookie,
    formToken,
    get: (path, headers) => show(url + path, cookie, undefined, headers),
    post: (path, fields = {}, headers) => show(url + path, cookie, withToken(fields, formToken), headers),
    storageState: { cookies: [storedCookie(url, name, value)], origins: [] },
  };
}

async function show(
  address: string,
  cookie?: string,
  form?: Fields | FormData,
  headers?: Record<string, string>,
): Promise<Shown> {
  const response = await fetch(address, {
    headers: { Accept: "text/html", ...(cookie && { Cookie: cookie }), ...headers },
    ...(form && { method: "POST", body: form instanceof FormData ? form : new URLSearchParams(form) }),
    redirect: "manual",
  });
  return { status: response.status, headers: response.headers, html: await response.text() };
}

function withToken(fields: Fields | FormData, token: string): [string, string][] | FormData {
  if (!(fields instanceof FormData))
    return [["form_token", token], ...(Array.isArray(fields) ? fields : Object.entries(fields))];
  fields.append("form_token", token);
  return fields;
}

function cookieOf({ headers, status }: Shown): string {
  const [cookie] = headers.getSetCookie();
  if (!cookie) throw new Error(`The server set no cookie; its status was ${status}.`);
  return cookie.replace(/;.*/s, "");
}

function formTokenIn({ html, status }: Shown): string {
  const [, token] = html.match(/name="form_token" value="([^"]+)"/) ?? [];
  if (!token) throw new Error(`The page has no form; its status was ${status}.`);
  return token;
}

const storedCookie = (url: string, name: string, value: string): StoredCookie => ({
  name,
  value,
  domain: new URL(url).hostname,
  path: "/staff",
  expires: -1,
  httpOnly: true,
  secure: false,
  sameSite: "Lax",
});
