/** Vitest runs this before each test file. Modules keep their state from file to file, so their hooks belong here. */
import { afterAll } from "vitest";
import { end } from "./end.ts";

afterAll(end);
