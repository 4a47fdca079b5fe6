import os

from octavo_client import AuthenticatedClient
from octavo_client.api.books import adjust_stock, create_book, list_books
from octavo_client.models import BookInput, StockAdjustment

client = AuthenticatedClient(base_url=os.environ["OCTAVO_URL"], token=os.environ["OCTAVO_TOKEN"])

page = list_books.sync(client=client, page=1, limit=2)
print("lists", page.data[0].title, page.total_pages)

book = BookInput(title="Clients", author="Anon", isbn=os.environ["OCTAVO_ISBN"], price=1234567.89)
created = create_book.sync(client=client, body=book)
print("creates", created.price, "null" if created.description is None else created.description)

adjust_stock.sync(created.id, client=client, body=StockAdjustment(delta=3))
short = adjust_stock.sync(created.id, client=client, body=StockAdjustment(delta=-5))
print("409", short.error.value, short.available)

book.isbn = "1234567890"
refused = create_book.sync(client=client, body=book)
print("422", refused.details[0].path, refused.details[0].code.value)
