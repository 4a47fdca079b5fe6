import { fileURLToPath } from "node:url";

/** The folder of the embedded database and of the other local data of a checkout. */
export const DATA = process.env.DATA_DIR || fileURLToPath(new URL("../.data", import.meta.url));
