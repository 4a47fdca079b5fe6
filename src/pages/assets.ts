/** The files that pages load. Their paths contain a digest of their content, so that browsers keep them for good. */
import type { ReadAsset } from "../http/assets.ts";
import { Content } from "../http/content.ts";

const TYPES = {
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
  "staff.css": "text/css; charset=utf-8",
  "staff.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml",
} as const;

type FileName = keyof typeof TYPES;

interface Asset {
  path: string;
  type: string;
  content: Content;
}

export type AssetPaths = Record<FileName, string>;

const DIGEST_LENGTH = 10;
const decoder = new TextDecoder();

export class Assets {
  readonly #read: ReadAsset;
  #files: Map<string, Asset> | undefined;

  constructor(read: ReadAsset) {
    this.#read = read;
  }

  async paths(): Promise<AssetPaths> {
    const entries = Array.from(await this.#load(), ([name, { path }]) => [name, path]);
    return Object.fromEntries(entries);
  }

  /**
   * The file at a path below `/assets/`, and whether the path is that of its present content: pages of a former release ask
   * for other ones.
   */
  async find(requested: string): Promise<(Asset & { isCurrent: boolean }) | undefined> {
    const [, stem, extension] = requested.match(/^([a-z]+)-[\da-f]+(\.[a-z]+)$/) ?? [];
    const asset = (await this.#load()).get(`${stem}${extension}`);
    return asset && { ...asset, isCurrent: asset.path === `/assets/${requested}` };
  }

  async #load(): Promise<Map<string, Asset>> {
    this.#files ??= new Map(
      await Promise.all(
        Object.entries(TYPES).map(async ([name, type]) => {
          const content = new Content(decoder.decode(await this.#read(`pages/${name}`)));
          const digest = content.etag.slice(1, 1 + DIGEST_LENGTH);
          return [name, { path: `/assets/${name.replace(".", `-${digest}.`)}`, type, content }] as const;
        }),
      ),
    );
    return this.#files;
  }
}
