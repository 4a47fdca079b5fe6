import * as z from "zod";
import { MAX_DETAILS, VALIDATION_CODES } from "./problem.ts";
import { PROBLEMS, type ProblemCode } from "./problems.ts";

/** The body of every problem. */
export const PROBLEM = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    error: z.enum(Object.keys(PROBLEMS) as ProblemCode[]),
    message: z.string(),
    detail: z.string(),
    request_id: z.string(),
    available: z
      .int()
      .optional()
      .meta({ description: "The current stock. Only with `insufficient_stock` of one book." }),
    lines: z
      .array(
        z
          .strictObject({
            line: z.int().meta({ description: "The place of the line, from 0." }),
            id: z.string(),
            isbn: z.string(),
            available: z.int().meta({ description: "The current stock." }),
          })
          .meta({ id: "ShortLine" }),
      )
      .optional()
      .meta({
        description:
          "Each line that the stock does not cover. Only with `insufficient_stock` of several books.",
      }),
    id: z.string().optional().meta({ description: "The id of the existing resource. Only with `conflict`." }),
    isbn: z
      .string()
      .optional()
      .meta({ description: "The ISBN of the existing resource. Only with `conflict`." }),
    details: z
      .array(
        z
          .strictObject({
            in: z.enum(["body", "query", "path", "header"]),
            path: z.string(),
            code: z.enum(VALIDATION_CODES),
            message: z.string(),
          })
          .meta({ id: "ProblemDetail" }),
      )
      .max(MAX_DETAILS)
      .optional()
      .meta({ description: "Each error of the request. Only with `validation_failed`." }),
    details_omitted: z
      .int()
      .min(1)
      .optional()
      .meta({ description: "The number of errors that `details` omits; absent if it omits none." }),
  })
  .meta({ id: "Problem" });
