"""What Schemathesis needs to know beside the document: see CONTRIBUTING.md."""

import re

import schemathesis
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance, use_after_free
from schemathesis.specs.openapi.headers import if_match_values

# Problems that depend on what is there, and on no form of the request.
STATEFUL = {"invalid_cursor", "precondition_failed", "idempotency_mismatch"}

# Faults that JSON Schema cannot tell of.
FAULTS = {
    ("isbn", "invalid_isbn"),  # the checksum
    ("price", "invalid_format"),  # more than two decimals
    ("min_price", "invalid_type"),
    ("max_price", "invalid_type"),
    ("min_price", "out_of_range"),  # above max_price
    ("default_price", "invalid_type"),
    ("published_from", "out_of_range"),  # later than published_to
    ("price", "zero_price_with_stock"),  # the rule that spans two members
    ("stock", "zero_price_with_stock"),
    ("delta", "zero_price_with_stock"),
    ("lines.N.delta", "zero_price_with_stock"),
    ("title", "required"),  # of a book that PUT by ISBN has to add
    ("author", "required"),
    ("price", "required"),
    ("delta", "out_of_range"),  # more stock than there can be
    ("page", "invalid_format"),  # with a cursor, or a count
    ("page", "out_of_range"),  # beyond row 100,000
    ("stock_below", "invalid_format"),  # without the sort that it needs
    ("sort", "invalid_format"),  # relevance without a search
    ("lines.N", "invalid_format"),  # both of id and isbn
    ("lines.N", "required"),  # none of them
    ("lines.N", "not_found"),
    ("since", "out_of_range"),  # later than until
    ("isbn", "invalid_format"),  # another than that of the path
    ("cover_url", "invalid_format"),  # the grammar of URLs
    ("published", "invalid_format"),  # 30 February
    ("published_from", "invalid_format"),
    ("published_to", "invalid_format"),
    ("language", "invalid_format"),  # the grammar of BCP 47
    ("id", "invalid_format"),  # lists in one text
    ("only", "invalid_format"),
    ("format", "invalid_format"),
    ("book_format", "invalid_format"),
    ("", "invalid_format"),  # a file without the column that the query maps
    ("map", "invalid_format"),  # of another format than the file
    ("decimal", "invalid_format"),
    ("currency", "invalid_format"),
    ("stock_if_available", "invalid_format"),
    ("no_delete", "invalid_format"),
}
# The place of a line stands for its number.
LINE = re.compile(r"\d+")


def is_excepted(response) -> bool:
    if response.status_code < 400:
        return False
    problem = response.json()
    faults = problem.get("details", [])
    return problem["error"] in STATEFUL or (
        bool(faults) and all((LINE.sub("N", fault["path"]), fault["code"]) in FAULTS for fault in faults)
    )


@schemathesis.check
def acceptance_but_for_exceptions(ctx, response, case):
    if not is_excepted(response):
        return positive_data_acceptance(ctx, response, case)


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts(member)


@schemathesis.check
def rejection_but_for_blanks(ctx, response, case):
    """Texts lose the blanks at their ends before their length counts."""
    if all(text == text.strip() for text in texts(case.body)):
        return negative_data_rejection(ctx, response, case)


@schemathesis.check
def use_after_free_but_for_movements(ctx, response, case):
    """The movements of a book outlive it."""
    if not case.path.endswith("/stock/movements"):
        return use_after_free(ctx, response, case)


@schemathesis.hook
def map_body(ctx, body):
    """Most prices that a schema allows have more than two decimals, and would be refused."""
    if isinstance(body, dict) and isinstance(body.get("price"), float):
        return {**body, "price": round(body["price"], 2)}
    return body


@st.composite
def isbns(draw) -> str:
    digits = draw(st.from_regex(r"(978[0-9]|979[1-9])[0-9]{8}", fullmatch=True))
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return digits + str(-total % 10)


schemathesis.openapi.format("isbn", isbns())
schemathesis.openapi.format("entity-tags", if_match_values())
