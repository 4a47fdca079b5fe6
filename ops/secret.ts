import { randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MIN_SECRET_BYTES } from "../src/config.ts";
import { StartupError } from "../src/startup-error.ts";
import { DATA } from "./data.ts";

/** The secret that signs tokens: AUTH_SECRET, or the secret of this checkout. */
export async function authSecret(): Promise<string> {
  const given = process.env.AUTH_SECRET;
  if (given && Buffer.byteLength(given) < MIN_SECRET_BYTES) {
    throw new StartupError(`AUTH_SECRET must have ${MIN_SECRET_BYTES} bytes or more.`);
  }
  return given || keptSecret("auth-secret");
}

/**
 * Reads a secret of this checkout from its file, which is created on first use.
 *
 * @throws StartupError if the folder cannot be written, as in a container
 */
export async function keptSecret(name: string): Promise<string> {
  const path = join(DATA, name);
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(DATA, { recursive: true });
    await writeFile(draft, randomBytes(MIN_SECRET_BYTES).toString("base64url"), { mode: 0o600 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartupError(
      `The folder ${DATA} for local secrets cannot be written (${code}): set AUTH_SECRET.`,
    );
  }
  try {
    // A link is created atomically, and fails if the file exists.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft);
  }
  return readFile(path, "utf8");
}
