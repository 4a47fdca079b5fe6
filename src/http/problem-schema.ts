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
      .meta({ description: "The current stock. Always present with `insufficient_stock`, and only there." }),
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
