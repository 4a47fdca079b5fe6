import com.fasterxml.jackson.databind.ObjectMapper;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.BooksApi;
import org.openapitools.client.model.Book;
import org.openapitools.client.model.BookInput;
import org.openapitools.client.model.BookPage;
import org.openapitools.client.model.Problem;
import org.openapitools.client.model.StockAdjustment;

public class Main {
  public static void main(String[] args) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv("OCTAVO_URL"));
    client.setRequestInterceptor(
        request -> request.header("Authorization", "Bearer " + System.getenv("OCTAVO_TOKEN")));
    BooksApi books = new BooksApi(client);

    BookPage page =
        books.listBooks(
            2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, 1);
    System.out.println("lists " + page.getData().get(0).getTitle() + " " + page.getTotalPages());

    BookInput input =
        new BookInput().title("Clients").author("Anon").isbn(System.getenv("OCTAVO_ISBN")).price(1234567.89);
    Book created = books.createBook(input, null);
    System.out.printf("creates %.2f %s%n", created.getPrice(), created.getDescription());

    books.adjustStock(created.getId(), new StockAdjustment().delta(3), null);
    Problem shortage =
        problemOf(() -> books.adjustStock(created.getId(), new StockAdjustment().delta(-5), null));
    System.out.println("409 " + shortage.getError() + " " + shortage.getAvailable());

    Problem refused = problemOf(() -> books.createBook(input.isbn("1234567890"), null));
    System.out.println("422 " + refused.getDetails().get(0).getPath() + " " + refused.getDetails().get(0).getCode());
  }

  interface Call {
    void run() throws ApiException;
  }

  static Problem problemOf(Call call) throws Exception {
    try {
      call.run();
    } catch (ApiException error) {
      return new ObjectMapper().readValue(error.getResponseBody(), Problem.class);
    }
    throw new IllegalStateException("The request succeeds.");
  }
}
