/** Colours as cloth and paper have them. Text is set in one on the other, with a contrast of 4.5 and more. */
export interface Palette {
  ground: string;
  paper: string;
  /** For what is drawn, never for text. */
  accent: string;
}

export const PALETTES: Palette[] = [
  "1f3a3d e9dcc3 c9a227",
  "5b1a1a f1e3d3 d9a441",
  "20304f e6e3da d4a373",
  "2d4a2b efe7d2 c2a25a",
  "3b2a4a eadff0 c9a0dc",
  "7a3b1d f5e6cf f0b67f",
  "12343b dfe6da e1b382",
  "4a4238 efe9df b9a37e",
  "8a2f2f f4e9dc e3b78f",
  "274060 f2efe9 e07a5f",
  "355c4b f0ead6 e9c46a",
  "222222 efe8dc b5483a",
  "6b2d5c f3e4ec d9a0b8",
  "0f4c5c f4ead9 e36414",
  "52392b f3e9d8 cf9f63",
  "3d405b f4f1de e07a5f",
  "41521f f1efd9 c7b24a",
  "1b2a41 e5e8ec 9db4c0",
  "70381f f7ead6 d8a25e",
  "264653 f0ebe0 e9c46a",
  "5f0f40 f6e6da fb8b24",
  "2f3e46 e8ede6 9fb8a0",
  "4b2142 efe3e6 c98ca7",
  "14342b e7ead9 bbdfc5",
].map((colours) => {
  const [ground = "", paper = "", accent = ""] = colours.split(" ").map((colour) => `#${colour}`);
  return { ground, paper, accent };
});
