package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"clients/octavo"
)

func main() {
	configuration := octavo.NewConfiguration()
	configuration.Servers = octavo.ServerConfigurations{{URL: os.Getenv("OCTAVO_URL")}}
	books := octavo.NewAPIClient(configuration).BooksAPI
	ctx := context.WithValue(context.Background(), octavo.ContextAccessToken, os.Getenv("OCTAVO_TOKEN"))

	page, _, err := books.ListBooks(ctx).Page(1).Limit(2).Execute()
	must(err)
	fmt.Println("lists", page.Data[0].Title, page.GetTotalPages())

	input := octavo.NewBookInput("Clients", "Anon", os.Getenv("OCTAVO_ISBN"), 1234567.89)
	created, _, err := books.CreateBook(ctx).BookInput(*input).Execute()
	must(err)
	description := "null"
	if text := created.Description.Get(); text != nil {
		description = *text
	}
	fmt.Printf("creates %.2f %s\n", created.Price, description)

	_, _, err = books.AdjustStock(ctx, created.Id).StockAdjustment(*octavo.NewStockAdjustment(3)).Execute()
	must(err)
	_, _, err = books.AdjustStock(ctx, created.Id).StockAdjustment(*octavo.NewStockAdjustment(-5)).Execute()
	short := problemOf(err)
	fmt.Println("409", short.Error, short.GetAvailable())

	input.Isbn = "1234567890"
	_, _, err = books.CreateBook(ctx).BookInput(*input).Execute()
	refused := problemOf(err)
	fmt.Println("422", refused.Details[0].Path, refused.Details[0].Code)
}

func problemOf(err error) octavo.Problem {
	var failure *octavo.GenericOpenAPIError
	if !errors.As(err, &failure) {
		panic(err)
	}
	return failure.Model().(octavo.Problem)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
