/** `npm run db:migrate`: brings the database of DATABASE_URL, or else the embedded one, up to date. */
import { command, withDatabase } from "./cli.ts";

await command(() => withDatabase(async () => console.log("The database is up to date.")));
