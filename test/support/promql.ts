/** What a query of Prometheus names, read by Prometheus's own grammar. */
import { parser } from "@prometheus-io/lezer-promql";

export interface Named {
  metrics: string[];
  /** Labels in selectors and in groupings. */
  labels: string[];
  /** `label="value"`, of selectors with `=`. */
  values: [label: string, value: string][];
}

/** @throws Error if the text is not a query */
export function namedIn(query: string): Named {
  const named: Named = { metrics: [], labels: [], values: [] };
  const textOf = ({ from, to }: { from: number; to: number }) => query.slice(from, to);
  parser.parse(query).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`not a query from ${node.from} on: ${query}`);
      if (node.name === "Identifier") named.metrics.push(textOf(node));
      if (node.name === "LabelName") named.labels.push(textOf(node));
      if (node.name === "UnquotedLabelMatcher" && node.node.getChild("MatchOp")?.getChild("EqlSingle")) {
        const [label, value] = [node.node.getChild("LabelName"), node.node.getChild("StringLiteral")];
        if (label && value) named.values.push([textOf(label), JSON.parse(textOf(value))]);
      }
    },
  });
  return named;
}
