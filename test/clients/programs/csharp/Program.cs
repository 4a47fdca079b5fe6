using System.Globalization;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using Org.OpenAPITools.Api;
using Org.OpenAPITools.Client;
using Org.OpenAPITools.Model;

string Variable(string name) => Environment.GetEnvironmentVariable(name)!;
// The name of an enumeration's value on the wire.
string NameOf(object value) => JToken.FromObject(value).ToString();

var configuration = new Configuration { BasePath = Variable("OCTAVO_URL"), AccessToken = Variable("OCTAVO_TOKEN") };
var books = new BooksApi(configuration);

var page = books.ListBooks(page: 1, limit: 2);
Console.WriteLine($"lists {page.Data[0].Title} {page.TotalPages}");

var input = new BookInput(title: "Clients", author: "Anon", isbn: Variable("OCTAVO_ISBN"), price: 1234567.89);
var created = books.CreateBook(input);
Console.WriteLine($"creates {created.Price.ToString(CultureInfo.InvariantCulture)} {created.Description ?? "null"}");

books.AdjustStock(created.Id, new StockAdjustment(delta: 3));
var shortage = ProblemOf(() => books.AdjustStock(created.Id, new StockAdjustment(delta: -5)));
Console.WriteLine($"409 {NameOf(shortage.Error)} {shortage.Available}");

input.Isbn = "1234567890";
var refused = ProblemOf(() => books.CreateBook(input));
Console.WriteLine($"422 {refused.Details[0].Path} {NameOf(refused.Details[0].Code)}");

Problem ProblemOf(Action call)
{
    try
    {
        call();
    }
    catch (ApiException error)
    {
        return JsonConvert.DeserializeObject<Problem>((string)error.ErrorContent)!;
    }
    throw new InvalidOperationException("The request succeeds.");
}
