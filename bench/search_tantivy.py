"""Searches a catalogue with Tantivy: by BM25 over title and author, and with fuzzy words besides.

Reads {"books": [{"title", "author"}], "queries": [...]} from standard input, and writes the first ten titles of each
query: {"Tantivy": [[title, ...], ...], "Tantivy, fuzzy": [...]}.
"""

import json
import sys

from tantivy import Document, Filter, Index, Occur, Query, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

FIELDS = ["title", "author"]
# A swap is one edit, as it is to Octavo. The words of a query are whole words.
FUZZY = {field: (False, 1, True) for field in FIELDS}


def build_index(books):
    schema = SchemaBuilder()
    for field in FIELDS:
        schema.add_text_field(field, stored=field == "title", tokenizer_name="folded")
    index = Index(schema.build())
    folded = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.lowercase()).filter(Filter.ascii_fold())
    index.register_tokenizer("folded", folded.build())
    writer = index.writer()
    for book in books:
        writer.add_document(Document(title=[book["title"]], author=[book["author"]]))
    writer.commit()
    index.reload()
    return index


def parse(index, query, **options):
    # Lenient, because people's marks are no operators: what cannot be parsed is left out.
    return index.parse_query_lenient(query, FIELDS, **options)[0]


def with_fuzzy_words(index, query):
    # All fuzzy words score the same, so BM25 orders those that are right.
    parts = [parse(index, query), parse(index, query, fuzzy_fields=FUZZY)]
    return Query.boolean_query([(Occur.Should, part) for part in parts])


def first_titles(index, query):
    searcher = index.searcher()
    return [searcher.doc(address)["title"][0] for _, address in searcher.search(query, 10).hits]


def main():
    given = json.load(sys.stdin)
    index = build_index(given["books"])
    ways = {"Tantivy": parse, "Tantivy, fuzzy": with_fuzzy_words}
    json.dump(
        {name: [first_titles(index, way(index, query)) for query in given["queries"]] for name, way in ways.items()},
        sys.stdout,
    )


main()
