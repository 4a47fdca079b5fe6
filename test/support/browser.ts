import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { atEnd } from "./end.ts";

const NAMES = [
  "chromium-headless-shell",
  "chromium",
  "chromium-browser",
  "google-chrome",
  "google-chrome-stable",
];

/** The path of Chromium; undefined if this machine has none. */
export const CHROMIUM = (process.env.PATH ?? "")
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find(isExecutable);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

let started: Promise<Browser> | undefined;

/**
 * Gives the Chromium of this worker, and closes its pages when the test file ends. Playwright ends it with the worker:
 * starting another for each file takes a second of CPU.
 */
export async function startBrowser(): Promise<Browser> {
  // As root, Chromium's sandbox does not start.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  started ??= chromium.launch({ executablePath: CHROMIUM ?? "", args });
  const browser = await started;
  atEnd(() => Promise.all(browser.contexts().map((context) => context.close())));
  return browser;
}
