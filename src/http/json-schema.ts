import * as z from "zod";

export type Json = Record<string, unknown>;

/** Moves schemas with a name (`meta({ id })`) to the components. */
export function hoist(schema: z.ZodType, io: "input" | "output", components: Record<string, Json>): Json {
  const { $schema: _, $defs = {}, ...root } = jsonSchemaOf(schema, io);
  Object.assign(components, $defs);
  const name = schema.meta()?.id;
  if (!name || "$ref" in root) return root;
  components[name] = root;
  return { $ref: `#/components/schemas/${name}` };
}

export function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const written = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    // zod omits the default and the examples of a transformed schema.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      const { examples } = z.globalRegistry.get(zodSchema) ?? {};
      if (def.type === "default") jsonSchema.default = def.defaultValue as never;
      if (examples) jsonSchema.examples = examples as never;
    },
  });
  // References must point to the components, and zod repeats names as `id`.
  return JSON.parse(JSON.stringify(written), (key, value) => {
    if (key === "$ref") return String(value).replace("#/$defs/", "#/components/schemas/");
    if (typeof value?.id === "string") delete value.id;
    return value;
  });
}

/** An example of a schema, made from the examples of its members; a member without one is omitted. */
export function exampleOf(schema: Json, components: Record<string, Json>): unknown {
  const {
    $ref,
    examples,
    enum: values,
    anyOf,
    items,
    properties,
  } = schema as {
    $ref?: string;
    examples?: unknown[];
    enum?: unknown[];
    anyOf?: Json[];
    items?: Json;
    properties?: Record<string, Json>;
  };
  if ($ref) return exampleOf(components[$ref.replace(/.*\//, "")] ?? {}, components);
  if (examples) return examples[0];
  if ("const" in schema) return schema.const;
  if ("default" in schema) return schema.default;
  if (values) return values[0];
  if (anyOf?.[0]) return exampleOf(anyOf[0], components);
  if (items) return [exampleOf(items, components)];
  if (!properties) return undefined;
  const members = Object.entries(properties).map(([name, member]) => [name, exampleOf(member, components)]);
  return Object.fromEntries(members.filter(([, example]) => example !== undefined));
}
