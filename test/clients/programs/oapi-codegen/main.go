package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"clients/octavo"
)

func main() {
	signed := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("OCTAVO_TOKEN"))
		return nil
	}
	client, err := octavo.NewClientWithResponses(os.Getenv("OCTAVO_URL"), octavo.WithRequestEditorFn(signed))
	must(err)
	ctx := context.Background()

	number, limit := 1, 2
	page, err := client.ListBooksWithResponse(ctx, &octavo.ListBooksParams{Page: &number, Limit: &limit})
	must(err)
	fmt.Println("lists", page.JSON200.Data[0].Title, *page.JSON200.TotalPages)

	input := octavo.BookInput{Title: "Clients", Author: "Anon", Isbn: os.Getenv("OCTAVO_ISBN"), Price: 1234567.89}
	created, err := client.CreateBookWithResponse(ctx, nil, input)
	must(err)
	description := "null"
	if text := created.JSON201.Description; text != nil {
		description = *text
	}
	fmt.Printf("creates %.2f %s\n", created.JSON201.Price, description)

	id := created.JSON201.Id
	_, err = client.AdjustStockWithResponse(ctx, id, nil, octavo.StockAdjustment{Delta: 3})
	must(err)
	short, err := client.AdjustStockWithResponse(ctx, id, nil, octavo.StockAdjustment{Delta: -5})
	must(err)
	fmt.Println("409", short.ApplicationproblemJSON409.Error, *short.ApplicationproblemJSON409.Available)

	input.Isbn = "1234567890"
	refused, err := client.CreateBookWithResponse(ctx, nil, input)
	must(err)
	detail := (*refused.ApplicationproblemJSON422.Details)[0]
	fmt.Println("422", detail.Path, detail.Code)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
