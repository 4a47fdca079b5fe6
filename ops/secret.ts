import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MIN_SECRET_BYTES } from "../src/config.ts";
import { StartupError } from "../src/startup-error.ts";
import { DATA } from "./data.ts";

/** The secret that tokens are signed with: AUTH_SECRET, or else one that this checkout makes and keeps. */
export async function authSecret(): Promise<string> {
  const given = process.env.AUTH_SECRET;
  if (given && Buffer.byteLength(given) < MIN_SECRET_BYTES) {
    throw new StartupError(`AUTH_SECRET must have ${MIN_SECRET_BYTES} bytes or more.`);
  }
  if (given) return given;
  const path = join(DATA, "auth-secret");
  await mkdir(DATA, { recursive: true });
  const secret = randomBytes(MIN_SECRET_BYTES).toString("base64url");
  await writeFile(path, secret, { mode: 0o600, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return readFile(path, "utf8");
}
