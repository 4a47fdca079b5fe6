/**
 * The OpenAPI documents, which the build writes from the schemas that validate requests. The app serves them as files,
 * because what writes them is a twentieth of the Worker's code.
 */
import { createApi } from "../src/app.ts";
import { parseConfig } from "../src/config.ts";
import { openapiDocument } from "../src/http/openapi.ts";
import { ANY_ORIGIN } from "../src/service/documents.ts";
import { yamlOf } from "../src/service/yaml.ts";

const unused = () => {
  throw new Error("No request is made.");
};

/** @returns texts by the names of their files */
export async function writeDocuments(): Promise<Map<string, string>> {
  const config = await parseConfig({ DATABASE_URL: "postgres://nobody:nothing@127.0.0.1/nowhere" });
  const { routes } = createApi({ config, connect: unused, log: unused, readAsset: unused });
  const document = openapiDocument(routes, ANY_ORIGIN);
  return new Map([
    ["openapi.json", JSON.stringify(document)],
    ["openapi.yaml", yamlOf(document)],
  ]);
}
