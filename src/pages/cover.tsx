/** Covers: those that books have, and drawn ones beneath them, which show until they arrive, and where they never do. */
import { LEADING, type SetText, setAuthor, setTitle } from "./cover-text.ts";
import { PALETTES, type Palette } from "./palettes.ts";
import type { Site } from "./site.ts";
import type { BookMembers } from "./words.ts";

/** The drawing is 200 wide and 300 high. */
const CENTRE = 100;

export function Cover({
  site: { coverOrigins },
  book,
  isEager = false,
}: {
  site: Pick<Site, "coverOrigins">;
  book: BookMembers;
  isEager?: boolean;
}) {
  const url = coverUrlOf(book, coverOrigins);
  return (
    <div class="cover">
      <DrawnCover book={book} />
      {url && (
        <img
          src={url}
          alt=""
          width={200}
          height={300}
          loading={isEager ? "eager" : "lazy"}
          decoding="async"
          referrerpolicy="no-referrer"
        />
      )}
    </div>
  );
}

/** The URL of a book's cover, if pages may load it. */
export function coverUrlOf(
  { cover_url }: Pick<BookMembers, "cover_url">,
  origins: Site["coverOrigins"],
): string | undefined {
  if (!cover_url || !URL.canParse(cover_url)) return undefined;
  const { protocol, origin, href } = new URL(cover_url);
  const isAllowed = origins ? origins.includes(origin) : protocol === "https:";
  return isAllowed ? href : undefined;
}

/** What a composition draws, and where it leaves room. */
interface Composition {
  art: (palette: Palette, hash: number) => unknown;
  title: { top: number; bottom: number; width: number; x?: number; colour: keyof Palette };
  author: { y: number; x?: number; colour: keyof Palette };
}

function DrawnCover({ book }: { book: BookMembers }) {
  const hash = hashOf(book.isbn);
  const palette = PALETTES[hash % PALETTES.length] as Palette;
  const { art, title, author } = COMPOSITIONS[(hash >>> 9) % COMPOSITIONS.length] as Composition;
  const height = title.bottom - title.top;
  const byline = setAuthor(book.author, title.width);
  return (
    <svg viewBox="0 0 200 300" aria-hidden="true" focusable="false">
      {art(palette, hash)}
      <Lines
        text={setTitle(book.title, { width: title.width, height })}
        x={title.x ?? CENTRE}
        middle={title.top + height / 2}
        fill={palette[title.colour]}
        weight={600}
      />
      <Lines text={byline} x={author.x ?? CENTRE} middle={author.y} fill={palette[author.colour]} />
    </svg>
  );
}

function Lines({
  text: { size, lines, isVertical },
  x,
  middle,
  fill,
  weight,
}: {
  text: SetText;
  x: number;
  middle: number;
  fill: string;
  weight?: number;
}) {
  const round = (value: number) => Math.round(value * 10) / 10;
  const leading = size * (isVertical ? 1.3 : LEADING);
  const start = ((lines.length - 1) * leading) / 2;
  return (
    <text
      font-size={size}
      fill={fill}
      font-weight={weight}
      writing-mode={isVertical ? "vertical-rl" : undefined}
    >
      {lines.map((line, at) => (
        <tspan
          x={isVertical ? round(x + start - at * leading) : x}
          y={isVertical ? middle : round(middle - start + at * leading + size * 0.34)}
        >
          {line}
        </tspan>
      ))}
    </text>
  );
}

/** The same for the same ISBN, on every runtime (FNV-1a). */
function hashOf(text: string): number {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  // The last digits decide little otherwise.
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  return (hash ^ (hash >>> 13)) >>> 0;
}

const Ground = ({ fill }: { fill: string }) => <path d="M0 0h200v300H0z" fill={fill} />;

const COMPOSITIONS: Composition[] = [
  {
    // A double frame, as stamped on cloth.
    art: ({ ground, accent }) => (
      <>
        <Ground fill={ground} />
        <path d="M12 12h176v276H12zM17 17h166v266H17z" fill="none" stroke={accent} />
        <path d="M80 218h40" stroke={accent} />
      </>
    ),
    title: { top: 36, bottom: 204, width: 150, colour: "paper" },
    author: { y: 250, colour: "paper" },
  },
  {
    // Paper between two bands.
    art: ({ ground, paper, accent }) => (
      <>
        <Ground fill={paper} />
        <path d="M0 0h200v66H0zM0 234h200v66H0z" fill={ground} />
        <path d="M0 70h200M0 230h200" stroke={accent} />
        <path d="M100 22l11 11-11 11-11-11z" fill="none" stroke={accent} />
      </>
    ),
    title: { top: 80, bottom: 220, width: 168, colour: "ground" },
    author: { y: 267, colour: "paper" },
  },
  {
    // Rings.
    art: ({ ground, accent }) => (
      <>
        <Ground fill={ground} />
        <g fill="none" stroke={accent}>
          {[10, 22, 34, 46, 58].map((radius) => (
            <circle cx="100" cy="196" r={radius} stroke-opacity={1 - radius / 80} />
          ))}
        </g>
      </>
    ),
    title: { top: 22, bottom: 130, width: 168, colour: "paper" },
    author: { y: 277, colour: "paper" },
  },
  {
    // A spine of cloth, and bars that the ISBN decides.
    art: ({ ground, paper, accent }, hash) => (
      <>
        <Ground fill={paper} />
        <path d="M0 0h24v300H0z" fill={ground} />
        <path d="M26 0v300" stroke={accent} stroke-width="1.5" />
        <path
          d={[0, 1, 2, 3, 4]
            .map((at) => `M${92 + at * 10} 240v-${12 + ((hash >>> (at * 3)) % 6) * 6}`)
            .join("")}
          stroke={accent}
          stroke-width="5"
        />
      </>
    ),
    title: { top: 28, bottom: 180, width: 146, x: 112, colour: "ground" },
    author: { y: 270, x: 112, colour: "ground" },
  },
  {
    // A sun above hills.
    art: ({ ground, paper, accent }, hash) => (
      <>
        <Ground fill={paper} />
        <circle cx={60 + (hash % 80)} cy="186" r="30" fill={accent} />
        <path d="M0 214q50-34 100-8t100-12v106H0z" fill={ground} />
      </>
    ),
    title: { top: 18, bottom: 148, width: 172, colour: "ground" },
    author: { y: 268, colour: "paper" },
  },
  {
    // A label pasted on cloth.
    art: ({ ground, paper, accent }) => (
      <>
        <Ground fill={ground} />
        <path d="M22 44h156v128H22z" fill={paper} />
        <path d="M27 49h146v118H27z" fill="none" stroke={accent} />
      </>
    ),
    title: { top: 54, bottom: 162, width: 136, colour: "ground" },
    author: { y: 246, colour: "paper" },
  },
  {
    // Stripes that rise from below.
    art: ({ ground, accent }) => (
      <>
        <Ground fill={ground} />
        <path d="M0 232l200-52M0 244l200-52M0 256l200-52M0 220l200-52" stroke={accent} stroke-width="2.5" />
      </>
    ),
    title: { top: 20, bottom: 156, width: 170, colour: "paper" },
    author: { y: 274, colour: "paper" },
  },
  {
    // An arch, as of a door.
    art: ({ ground, paper, accent }) => (
      <>
        <Ground fill={ground} />
        <path d="M24 300V104a76 76 0 0 1 152 0v196z" fill={paper} />
        <path d="M30 300V104a70 70 0 0 1 140 0v196" fill="none" stroke={accent} />
      </>
    ),
    title: { top: 76, bottom: 220, width: 124, colour: "ground" },
    author: { y: 264, colour: "ground" },
  },
];
