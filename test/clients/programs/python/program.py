import os

from openapi_client import ApiClient, BookInput, BooksApi, Configuration, Problem, StockAdjustment
from openapi_client.exceptions import ApiException

configuration = Configuration(host=os.environ["OCTAVO_URL"], access_token=os.environ["OCTAVO_TOKEN"])
books = BooksApi(ApiClient(configuration))


def problem_of(call) -> Problem:
    try:
        call()
    except ApiException as error:
        return error.data
    raise AssertionError("The request succeeds.")


page = books.list_books(page=1, limit=2)
print("lists", page.data[0].title, page.total_pages)

book = BookInput(title="Clients", author="Anon", isbn=os.environ["OCTAVO_ISBN"], price=1234567.89)
created = books.create_book(book)
print("creates", created.price, "null" if created.description is None else created.description)

books.adjust_stock(created.id, StockAdjustment(delta=3))
short = problem_of(lambda: books.adjust_stock(created.id, StockAdjustment(delta=-5)))
print("409", short.error, short.available)

refused = problem_of(lambda: books.create_book(book.model_copy(update={"isbn": "1234567890"})))
print("422", refused.details[0].path, refused.details[0].code)
