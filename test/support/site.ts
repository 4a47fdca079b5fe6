/** What `npm run deploy` deploys to: a database, and a stand-in for Cloudflare's API. */
import { type Cloudflare, startCloudflare } from "./cloudflare.ts";
import { runBuilt } from "./command.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

export const UPLOAD = "POST /workers/scripts/octavo/versions";

export class Site {
  readonly cloudflare: Cloudflare;
  readonly database: TestDatabase;

  static async create(): Promise<Site> {
    return new Site(await startCloudflare(), await createTestDatabase());
  }

  constructor(cloudflare: Cloudflare, database: TestDatabase) {
    this.cloudflare = cloudflare;
    this.database = database;
  }

  emptied() {
    return this.database.sql("drop schema drizzle cascade; drop schema public cascade; create schema public");
  }

  deploy(args: string[] = [], cwd?: string) {
    return runBuilt("deploy", args, { ...this.cloudflare.variables, DATABASE_URL: this.database.url }, cwd);
  }

  async migrated(): Promise<boolean | undefined> {
    const [list] = await this.database.sql<{ exists: boolean }>(
      "select to_regclass('drizzle.__drizzle_migrations') is not null as exists",
    );
    return list?.exists;
  }
}
