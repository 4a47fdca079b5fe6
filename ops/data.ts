import { fileURLToPath } from "node:url";

/** The folder of the embedded database and of everything else that a checkout keeps to itself. */
export const DATA = process.env.DATA_DIR || fileURLToPath(new URL("../.data", import.meta.url));
