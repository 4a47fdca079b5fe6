/** What the service says of itself. Imported by name, so that a bundle has these members and not the whole file. */
export { name, version } from "../package.json";
