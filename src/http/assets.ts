/** Reads a file that the build puts into dist/assets, by its path there. */
export type ReadAsset = (path: string) => Promise<Uint8Array<ArrayBuffer>>;
