/** Every operation in the document, with a request that succeeds: a new route is compared without a case of its own. */
import { isbnOf } from "../../support/books.ts";
import { goodRequest, operationsOf } from "../../support/requests.ts";
import type { Case } from "../exchange.ts";

const role = "admin";

export const operationCases: Case[] = [
  {
    name: "every operation succeeds",
    run: async (send) => {
      // Each runtime gets the same ISBNs.
      let number = 700;
      const renumbered = async (body: object | undefined) => {
        if (body instanceof Blob) {
          const text = (await body.text()).replace(/(?<="isbn":")\d+/, isbnOf(number++));
          return new Blob([text], { type: body.type });
        }
        return body && "isbn" in body ? { ...body, isbn: isbnOf(number++) } : body;
      };
      const sendTo = async (status: number, method: string, path: string, body?: object) =>
        send(status, method, path, { role, body: await renumbered(body) });
      const { json } = await send(200, "GET", "/openapi.json");
      for (const operation of operationsOf(json)) {
        const { path, body } = await goodRequest(operation, (method, path, { body }) =>
          sendTo(201, method, path, body),
        );
        await sendTo(operation.responses[0]?.status ?? 200, operation.method, path, body);
      }
    },
  },
];
