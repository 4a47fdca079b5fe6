/** The tools of single languages: oapi-codegen for Go, openapi-python-client, and Kiota. */
import { copyFile, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pythonWith } from "./python.ts";
import { PROGRAMS, run, type Tool } from "./tool.ts";

const OAPI_CODEGEN = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2";
const OPENAPI_PYTHON_CLIENT = "openapi-python-client==0.29.1";

const oapiCodegen: Tool = {
  name: "oapi-codegen",
  needs: ["go"],
  async make({ directory, document }) {
    await mkdir(join(directory, "octavo"));
    const parts = ["-generate", "types,client", "-package", "octavo", "-o", "octavo/client.go"];
    await run(["go", "run", OAPI_CODEGEN, ...parts, document], directory);
    await copyFile(join(PROGRAMS, "oapi-codegen", "main.go"), join(directory, "main.go"));
    await writeFile(join(directory, "go.mod"), "module clients\n\ngo 1.23\n");
  },
  async compile({ directory }) {
    await run(["go", "mod", "tidy"], directory);
    await run(["go", "vet", "./octavo", "."], directory);
    await run(["go", "build", "-o", "program", "."], directory);
  },
  run: ({ directory, environment }) => run([join(directory, "program")], directory, environment),
};

const openapiPythonClient: Tool = {
  name: "openapi-python-client",
  needs: ["python3"],
  async make({ directory, document }) {
    const python = await pythonWith("openapi-python-client", [OPENAPI_PYTHON_CLIENT]);
    const output = ["--output-path", "client", "--overwrite"];
    await run([python, "-m", "openapi_python_client", "generate", "--path", document, ...output], directory);
    const program = join(PROGRAMS, "openapi-python-client", "program.py");
    await copyFile(program, join(directory, "client", "program.py"));
  },
  async compile({ directory }) {
    const python = await pythonWith("openapi-python-client", []);
    await run([python, "-m", "compileall", "-q", "."], join(directory, "client"));
  },
  async run({ directory, environment }) {
    const python = await pythonWith("openapi-python-client", []);
    return run([python, "program.py"], join(directory, "client"), environment);
  },
};

/** Kiota is a .NET tool. */
const kiota: Tool = {
  name: "kiota",
  needs: ["dotnet"],
  async make({ directory, document }) {
    await cp(join(PROGRAMS, "kiota"), directory, { recursive: true });
    await run(["dotnet", "tool", "install", "--tool-path", "tools", "Microsoft.OpenApi.Kiota"], directory);
    const options = ["--language", "CSharp", "--class-name", "Octavo", "--namespace-name", "Clients"];
    await run(
      [join("tools", "kiota"), "generate", "--openapi", document, "--output", "client", ...options],
      directory,
    );
  },
  async compile({ directory }) {
    await run(["dotnet", "build", "--nologo", "-v", "quiet", "program.csproj"], directory);
  },
  run: ({ directory, environment }) =>
    run(["dotnet", "run", "--no-build", "--project", "program.csproj"], directory, environment),
};

export const OTHER_TOOLS: readonly Tool[] = [oapiCodegen, openapiPythonClient, kiota];
