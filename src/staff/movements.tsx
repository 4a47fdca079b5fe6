/** The page of the stock movements: what came, what went, and who was it. */
import type { StockMovement } from "../stock/contract.ts";
import { pathOfBook } from "./book-pages.tsx";
import type { Desk } from "./desk.ts";
import { Field, type FieldOf, fieldIn } from "./fields.tsx";
import { type Around, countOf, More } from "./list.tsx";
import { showMovements } from "./movements-contract.ts";
import type { RefusedQuery } from "./refused-query.ts";

const { path } = showMovements;

interface Shown extends Around {
  url: URL;
  movements: StockMovement[];
  /** The titles of the books that are still there, by id. */
  titles: Map<string, string>;
  isFirst: boolean;
}

export function MovementsPage({ desk, shown }: { desk: Desk; shown: Shown }) {
  const { url, movements, next, previous } = shown;
  return (
    <>
      <h1 class="title">Movements</h1>
      <Filters field={fieldIn(url)} isNarrow={url.searchParams.size > 1} />
      <p class="note count">{countOf(movements, ["movement", "movements"], shown)}</p>
      {movements.length > 0 && <MovementsTable desk={desk} shown={shown} />}
      <More path={path} url={url} next={next} previous={previous} />
    </>
  );
}

/** The page for filters that are refused. */
export const RefusedMovementsPage = ({ refused }: { refused: RefusedQuery }) => (
  <>
    <h1 class="title">Movements</h1>
    <Filters field={refused.field} isNarrow />
  </>
);

interface FiltersProps {
  field: FieldOf;
  /** Whether there are filters to remove. */
  isNarrow: boolean;
}

function Filters({ field, isNarrow }: FiltersProps) {
  return (
    <form class="narrow-down" action={path} novalidate>
      <Field {...field("reason")} label="Reason" maxlength={100} autocomplete="off" />
      <Field {...field("reference")} label="Reference" maxlength={100} autocomplete="off" />
      <Field {...field("since")} label="Since" type="date" />
      <Field {...field("until")} label="Until" type="date" />
      <p class="ways">
        <button type="submit" class="button">
          Show
        </button>{" "}
        {isNarrow && (
          <a class="button plain" href={path}>
            Show all
          </a>
        )}
      </p>
    </form>
  );
}

function MovementsTable({ desk, shown: { movements, titles } }: { desk: Desk; shown: Shown }) {
  return (
    <table class="rows movements">
      <thead>
        <tr>
          <th scope="col">Book</th>
          <th scope="col" class="number">
            Change
          </th>
          <th scope="col" class="number">
            Stock
          </th>
        </tr>
      </thead>
      <tbody>
        {movements.map((movement) => (
          <tr>
            <td>
              <BookOf movement={movement} title={titles.get(movement.book_id)} />
              <Circumstances desk={desk} movement={movement} />
            </td>
            <td class="number">{signed(desk, movement.delta)}</td>
            <td class="number">{desk.site.writer.whole(movement.stock_after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function BookOf({ movement, title }: { movement: StockMovement; title: string | undefined }) {
  if (title === undefined) return <span>{movement.isbn} (deleted)</span>;
  return (
    <a href={pathOfBook(movement.book_id)} dir="auto">
      {title}
    </a>
  );
}

/** When, why and by whom. A reason or a reference leads to all movements that have it. */
function Circumstances({ desk, movement }: { desk: Desk; movement: StockMovement }) {
  const { created_at, reason, reference, actor } = movement;
  const links = Object.entries({ reason, reference }).filter(([, value]) => value);
  return (
    <span class="by">
      <time datetime={created_at}>{desk.site.writer.time(created_at)}</time>
      {links.map(([name, value]) => (
        <>
          {" "}
          · <a href={`${path}?${new URLSearchParams([[name, value ?? ""]])}`}>{value}</a>
        </>
      ))}
      {actor && (
        <>
          {" "}
          · <bdi>{actor}</bdi>
        </>
      )}
    </span>
  );
}

const signed = ({ site: { writer } }: Desk, delta: number) =>
  delta > 0 ? `+${writer.whole(delta)}` : writer.whole(delta).replace("-", "−");
