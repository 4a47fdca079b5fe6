import { testWalkthrough } from "../support/walkthrough-tests.ts";

testWalkthrough("docs/adding-a-resource.md");
