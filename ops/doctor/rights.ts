/** What the role of the app may do: all that it needs, and no more. */
import type pg from "pg";
import { DERIVED, WRITTEN } from "../privileges.ts";
import { type Finding, fault, ok, warning } from "./finding.ts";

/** Rights that it needs and lacks, and tables of the ledger, the search and the feed that it could change. */
const RIGHTS = `select current_user::text as role, quote_ident(current_user) as quoted, rolsuper as is_superuser,
    pg_has_role(datdba, 'usage') as is_owner, not has_schema_privilege('public', 'usage') as lacks_schema,
    array(
      select name || ' (' || string_agg(lower(privilege), ', ' order by privilege) || ')'
      from (
        select name, privilege from unnest($1::text[]) as name, unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) as privilege
        union all select name, 'SELECT' from unnest($2::text[]) as name
      ) as needed
      join pg_class on relname = name and relnamespace = 'public'::regnamespace
      where not has_table_privilege(pg_class.oid, privilege)
      group by name order by name
    ) as missing
  from pg_roles, pg_database where rolname = current_user and datname = current_database()`;

type Rights = {
  role: string;
  quoted: string;
  is_superuser: boolean;
  is_owner: boolean;
  lacks_schema: boolean;
  missing: string[];
};

export async function examineRights(client: pg.Client): Promise<Finding[]> {
  const { rows } = await client.query<Rights>(RIGHTS, [WRITTEN, DERIVED]);
  const [rights] = rows;
  if (!rights) throw new Error("the catalogue does not list the current role");
  const { role, quoted, missing, lacks_schema, is_superuser, is_owner } = rights;
  if (lacks_schema || missing.length > 0) {
    const what = [...(lacks_schema ? ["the schema public (usage)"] : []), ...missing].join(", ");
    const grant = `As the owner of the database: npm run db:migrate -- --grant ${quoted}`;
    return [fault("rights", `The role ${role} lacks rights: ${what}.`, grant)];
  }
  if (!is_superuser && !is_owner) return [ok("rights", `The role ${role} has the rights that it needs.`)];
  return [
    warning(
      "rights",
      `The role ${role} ${is_superuser ? "is a superuser" : "owns the database"}, and could change the stock ledger.`,
      "Give the app a role of its own: create role octavo_app login password '…', then npm run db:migrate -- --grant octavo_app",
    ),
  ];
}
