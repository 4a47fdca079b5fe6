using System.Globalization;
using System.Net.Http.Headers;
using Clients;
using Clients.Models;
using Microsoft.Kiota.Abstractions.Authentication;
using Microsoft.Kiota.Http.HttpClientLibrary;

string Variable(string name) => Environment.GetEnvironmentVariable(name)!;

var http = KiotaClientFactory.Create();
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Variable("OCTAVO_TOKEN"));
var adapter = new HttpClientRequestAdapter(new AnonymousAuthenticationProvider(), httpClient: http)
{
    BaseUrl = Variable("OCTAVO_URL"),
};
var books = new Octavo(adapter).Api.V1.Books;

var page = await books.GetAsync(request =>
{
    request.QueryParameters.Page = 1;
    request.QueryParameters.Limit = 2;
});
Console.WriteLine($"lists {page!.Data![0].Title} {page.TotalPages}");

var input = new BookInput { Title = "Clients", Author = "Anon", Isbn = Variable("OCTAVO_ISBN"), Price = 1234567.89 };
var created = (await books.PostAsync(input))!;
Console.WriteLine($"creates {created.Price!.Value.ToString(CultureInfo.InvariantCulture)} {created.Description ?? "null"}");

var stock = books[created.Id!.Value].Stock;
await stock.PostAsync(new StockAdjustment { Delta = 3 });
var shortage = await ProblemOf(() => stock.PostAsync(new StockAdjustment { Delta = -5 }));
Console.WriteLine($"409 {NameOf(shortage.Error)} {shortage.Available}");

input.Isbn = "1234567890";
var refused = await ProblemOf(() => books.PostAsync(input));
Console.WriteLine($"422 {refused.Details![0].Path} {NameOf(refused.Details[0].Code)}");

// Kiota names the values of enumerations as on the wire, but for the first letter.
string NameOf(object? value) => $"{value}".ToLowerInvariant();

async Task<Problem> ProblemOf(Func<Task> call)
{
    try
    {
        await call();
    }
    catch (Problem problem)
    {
        return problem;
    }
    throw new InvalidOperationException("The request succeeds.");
}
