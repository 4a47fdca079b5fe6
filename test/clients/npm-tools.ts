/** The tools that need nothing but npm. Their versions are in npm/package-lock.json. */
import { copyFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { CACHE, PROGRAMS, run, type Site, type Tool } from "./tool.ts";

const HOME = join(CACHE, "npm");
const bin = (name: string) => join(HOME, "node_modules", ".bin", name);

/** Installs the tools, unless they are there in these versions. */
export async function installNpmTools(): Promise<void> {
  await mkdir(HOME, { recursive: true });
  const lock = join(import.meta.dirname, "npm", "package-lock.json");
  const installed = join(HOME, "installed-lock.json");
  const [wanted, found] = await Promise.all([
    readFile(lock, "utf8"),
    readFile(installed, "utf8").catch(() => ""),
  ]);
  if (wanted === found && (await stat(bin("orval")).catch(() => undefined))) return;
  for (const name of ["package.json", "package-lock.json"])
    await copyFile(join(import.meta.dirname, "npm", name), join(HOME, name));
  await run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], HOME);
  await writeFile(installed, wanted);
}

/** A tool that makes TypeScript, which is compiled, bundled and run. */
export function typescriptTool(
  name: string,
  generate: (site: Site) => Promise<unknown>,
  { needs = [], program = `${name}.ts` }: { needs?: string[]; program?: string } = {},
): Tool {
  return {
    name,
    needs,
    home: HOME,
    async make(site) {
      await generate(site);
      await copyFile(join(PROGRAMS, program), join(site.directory, "program.ts"));
      await writeFile(join(site.directory, "tsconfig.json"), JSON.stringify(TSCONFIG));
    },
    async compile({ directory }) {
      await run(
        [process.execPath, join("node_modules", "typescript", "bin", "tsc"), "-p", directory],
        process.cwd(),
      );
      await build({
        entryPoints: [join(directory, "program.ts")],
        outfile: join(directory, "program.mjs"),
        bundle: true,
        platform: "node",
        format: "esm",
        // axios and its dependencies are CommonJS, which loads Node's modules by require.
        banner: {
          js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
        },
      });
    },
    run: ({ directory, environment }) => run([process.execPath, "program.mjs"], directory, environment),
  };
}

const TSCONFIG = {
  compilerOptions: {
    target: "es2022",
    module: "preserve",
    moduleResolution: "bundler",
    lib: ["es2022", "dom", "dom.iterable"],
    types: ["node"],
    typeRoots: [join(process.cwd(), "node_modules", "@types")],
    strict: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ["program.ts"],
};

const orval = (client: string) =>
  typescriptTool(`orval-${client}`, async ({ directory, document, environment }) => {
    const output = {
      target: "./client.ts",
      client,
      mode: "single",
      baseUrl: client === "fetch" ? environment.OCTAVO_URL : undefined,
      override: { zod: { generateEachHttpStatus: true } },
    };
    const config = { octavo: { input: document, output } };
    await writeFile(join(directory, "orval.config.mjs"), `export default ${JSON.stringify(config)};`);
    await run([bin("orval"), "--config", "orval.config.mjs"], directory);
  });

/** A Postman collection, made as docs/api.md says. It compiles if each request is well-formed with its examples. */
const postman: Tool = {
  name: "postman",
  needs: [],
  home: HOME,
  async make({ directory, document }) {
    const options = "parametersResolution=Example,enableOptionalParameters=false";
    await run([bin("openapi2postmanv2"), "-s", document, "-o", "collection.json", "-O", options], directory);
    await copyFile(join(PROGRAMS, "postman.mjs"), join(directory, "program.mjs"));
  },
  async compile({ directory, environment }) {
    await run([process.execPath, "program.mjs", "--all"], directory, environment);
  },
  run: ({ directory, environment }) => run([process.execPath, "program.mjs"], directory, environment),
};

export const NPM_TOOLS: readonly Tool[] = [
  typescriptTool("openapi-fetch", ({ directory, document }) =>
    run([bin("openapi-typescript"), document, "-o", "schema.d.ts"], directory),
  ),
  typescriptTool("hey-api", ({ directory, document }) =>
    run([bin("openapi-ts"), "-i", document, "-o", "client", "-c", "@hey-api/client-fetch"], directory),
  ),
  orval("axios"),
  orval("fetch"),
  orval("zod"),
  postman,
];
