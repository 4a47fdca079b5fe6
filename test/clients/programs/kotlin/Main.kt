import org.openapitools.client.apis.BooksApi
import org.openapitools.client.infrastructure.ApiClient
import org.openapitools.client.infrastructure.ClientError
import org.openapitools.client.infrastructure.ClientException
import org.openapitools.client.infrastructure.Serializer
import org.openapitools.client.models.BookInput
import org.openapitools.client.models.Problem
import org.openapitools.client.models.StockAdjustment

fun main() {
    ApiClient.accessToken = System.getenv("OCTAVO_TOKEN")
    val books = BooksApi(System.getenv("OCTAVO_URL"))

    val page = books.listBooks(page = 1, limit = 2)
    println("lists ${page.`data`[0].title} ${page.totalPages}")

    val book = BookInput(title = "Clients", author = "Anon", isbn = System.getenv("OCTAVO_ISBN"), price = 1234567.89)
    val created = books.createBook(book)
    println("creates ${created.price.toBigDecimal().toPlainString()} ${created.description}")

    books.adjustStock(created.id, StockAdjustment(3))
    val short = problemOf { books.adjustStock(created.id, StockAdjustment(-5)) }
    println("409 ${short.error.value} ${short.available}")

    val refused = problemOf { books.createBook(book.copy(isbn = "1234567890")) }
    println("422 ${refused.details!![0].path} ${refused.details!![0].code.value}")
}

fun problemOf(call: () -> Unit): Problem {
    try {
        call()
    } catch (error: ClientException) {
        val body = (error.response as ClientError<*>).body as String
        return Serializer.moshi.adapter(Problem::class.java).fromJson(body)!!
    }
    throw IllegalStateException("The request succeeds.")
}
