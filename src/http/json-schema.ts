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

/**
 * Writes a schema in the JSON Schema that generators of clients read. They make members with a `default` required, declare
 * types of an `anyOf`, and take the largest exact integer for a limit.
 */
export function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const written = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      const { examples } = z.globalRegistry.get(zodSchema) ?? {};
      // zod omits the default and the examples of a transformed schema.
      if (def.type === "default") jsonSchema.default = def.defaultValue as never;
      if (examples) jsonSchema.examples = examples as never;
    },
  });
  return JSON.parse(JSON.stringify(written), (key, value) => {
    if (key === "$ref") return String(value).replace("#/$defs/", "#/components/schemas/");
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return readable(value, io);
  });
}

function readable(schema: Json, io: "input" | "output"): Json {
  // zod repeats the name of a component.
  if (typeof schema.id === "string") delete schema.id;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  // Clients must accept members that a later version adds to a response.
  if (io === "output" && schema.additionalProperties === false) delete schema.additionalProperties;
  const { default: value, ...rest } = withTypes(schema);
  if (value === undefined) return rest;
  const sentence = `The default is \`${JSON.stringify(value)}\`.`;
  return { ...rest, description: rest.description ? `${rest.description} ${sentence}` : sentence };
}

/** Turns "a schema or null" into a schema of two types. */
function withTypes({ anyOf, ...rest }: Json): Json {
  if (!Array.isArray(anyOf)) return rest;
  const [inner, none, ...others] = anyOf as Json[];
  if (typeof inner?.type !== "string" || none?.type !== "null" || others.length > 0)
    return { anyOf, ...rest };
  const { type, enum: values, ...schema } = inner;
  return {
    type: [type, "null"],
    ...(Array.isArray(values) && { enum: [...values, null] }),
    ...schema,
    ...rest,
  };
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
  if (values) return values[0];
  if (anyOf?.[0]) return exampleOf(anyOf[0], components);
  if (items) return [exampleOf(items, components)];
  if (!properties) return undefined;
  const members = Object.entries(properties).map(([name, member]) => [name, exampleOf(member, components)]);
  return Object.fromEntries(members.filter(([, example]) => example !== undefined));
}
