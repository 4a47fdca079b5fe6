/** The clients of openapi-generator, a Java program on Maven Central. */
import { copyFile, cp, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { typescriptTool } from "./npm-tools.ts";
import { pythonWith } from "./python.ts";
import { CACHE, PROGRAMS, run, type Site, type Tool } from "./tool.ts";

const VERSION = "7.25.0";
const JAR = join(CACHE, `openapi-generator-cli-${VERSION}.jar`);
const GENERATOR_NEEDS = ["java", "mvn"];

async function generate(
  { directory, document }: Site,
  generator: string,
  options: string[] = [],
  output = "client",
) {
  if (!(await stat(JAR).catch(() => undefined))) {
    await mkdir(CACHE, { recursive: true });
    const artifact = `org.openapitools:openapi-generator-cli:${VERSION}`;
    await run(
      ["mvn", "-q", "-B", "dependency:copy", `-Dartifact=${artifact}`, `-DoutputDirectory=${CACHE}`],
      CACHE,
    );
  }
  const command = ["java", "-jar", JAR, "generate", "-i", document, "-g", generator, "-o", output];
  const parts = ["--global-property", "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"];
  await run([...command, ...parts, ...options], directory);
}

const program = (generator: string, file: string) => join(PROGRAMS, generator, file);

const go: Tool = {
  name: "go",
  needs: [...GENERATOR_NEEDS, "go"],
  async make(site) {
    await generate(site, "go", ["--additional-properties=packageName=octavo,withGoMod=false"], "octavo");
    await copyFile(program("go", "main.go"), join(site.directory, "main.go"));
    await writeFile(join(site.directory, "go.mod"), "module clients\n\ngo 1.23\n");
  },
  async compile({ directory }) {
    await run(["go", "mod", "tidy"], directory);
    await run(["go", "vet", "./octavo", "."], directory);
    await run(["go", "build", "-o", "program", "."], directory);
  },
  run: ({ directory, environment }) => run([join(directory, "program")], directory, environment),
};

const java: Tool = {
  name: "java",
  needs: GENERATOR_NEEDS,
  async make(site) {
    await generate(site, "java", ["--library", "native"]);
    await copyFile(program("java", "Main.java"), join(site.directory, "client/src/main/java/Main.java"));
  },
  compile: ({ directory }) => compileWithMaven(join(directory, "client")),
  run: ({ directory, environment }) => run(javaProgram("Main"), join(directory, "client"), environment),
};

const kotlin: Tool = {
  name: "kotlin",
  needs: GENERATOR_NEEDS,
  async make(site) {
    await generate(site, "kotlin", ["--library", "jvm-okhttp4"]);
    await copyFile(program("kotlin", "Main.kt"), join(site.directory, "client/src/main/kotlin/Main.kt"));
    await copyFile(program("kotlin", "pom.xml"), join(site.directory, "pom.xml"));
  },
  compile: ({ directory }) => compileWithMaven(directory),
  run: ({ directory, environment }) => run(javaProgram("MainKt"), directory, environment),
};

async function compileWithMaven(directory: string): Promise<void> {
  await run(
    ["mvn", "-q", "-B", "compile", "dependency:copy-dependencies", "-DincludeScope=runtime"],
    directory,
  );
}

const javaProgram = (name: string) => ["java", "-cp", "target/classes:target/dependency/*", name];

const python: Tool = {
  name: "python",
  needs: [...GENERATOR_NEEDS, "python3"],
  async make(site) {
    await generate(site, "python");
    await copyFile(program("python", "program.py"), join(site.directory, "client/program.py"));
  },
  async compile({ directory }) {
    const interpreter = await pythonWith("openapi-generator", [
      "-r",
      join(directory, "client/requirements.txt"),
    ]);
    await run([interpreter, "-m", "compileall", "-q", "."], join(directory, "client"));
  },
  async run({ directory, environment }) {
    const interpreter = await pythonWith("openapi-generator", []);
    return run([interpreter, "program.py"], join(directory, "client"), environment);
  },
};

const rust: Tool = {
  name: "rust",
  needs: [...GENERATOR_NEEDS, "cargo"],
  async make(site) {
    await generate(site, "rust", ["--additional-properties=packageName=openapi"]);
    await mkdir(join(site.directory, "src"));
    await copyFile(program("rust", "Cargo.toml"), join(site.directory, "Cargo.toml"));
    await copyFile(program("rust", "main.rs"), join(site.directory, "src/main.rs"));
  },
  async compile({ directory }) {
    await run(["cargo", "build", "--quiet"], directory, RUST);
  },
  run: ({ directory, environment }) =>
    run([join(CACHE, "rust/debug/program")], directory, { ...environment, RUST_BACKTRACE: "0" }),
};

/** Keeps the compiled dependencies, which take most of the time. */
const RUST = { CARGO_TARGET_DIR: join(CACHE, "rust") };

/** Made wherever Java is, and compiled where .NET is. */
const csharp: Tool = {
  name: "csharp",
  needs: GENERATOR_NEEDS,
  needsToCompile: ["dotnet"],
  async make(site) {
    await generate(site, "csharp", ["--library", "httpclient"]);
    await cp(join(PROGRAMS, "csharp"), join(site.directory, "program"), { recursive: true });
  },
  async compile({ directory }) {
    await run(["dotnet", "build", "--nologo", "-v", "quiet", "program"], directory);
  },
  run: ({ directory, environment }) =>
    run(["dotnet", "run", "--no-build", "--project", "program"], directory, environment),
};

export const OPENAPI_GENERATOR: readonly Tool[] = [
  typescriptTool("typescript-fetch", (site) => generate(site, "typescript-fetch"), {
    needs: GENERATOR_NEEDS,
  }),
  typescriptTool(
    "typescript-axios",
    (site) => generate(site, "typescript-axios", ["--additional-properties=useSingleRequestParameter=true"]),
    {
      needs: GENERATOR_NEEDS,
    },
  ),
  go,
  java,
  python,
  rust,
  kotlin,
  csharp,
];
