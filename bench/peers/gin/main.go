// The same bookstore on Gin and pgx.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/go-playground/validator/v10"
	"github.com/jackc/pgx/v5/pgxpool"
)

type api struct{ store *Store }

func (a *api) listBooks(c *gin.Context) {
	var query BookQuery
	if err := c.ShouldBindQuery(&query); err != nil {
		fail(c, err)
		return
	}
	page, err := a.store.List(c, query)
	answer(c, http.StatusOK, page, err)
}

func (a *api) getBook(c *gin.Context) {
	book, err := a.store.Get(c, c.Param("id"))
	answer(c, http.StatusOK, book, err)
}

func (a *api) createBook(c *gin.Context) {
	var body CreateBook
	if err := c.ShouldBindJSON(&body); err != nil {
		fail(c, err)
		return
	}
	book, err := a.store.Create(c, body)
	if err == nil {
		c.Header("Location", "/api/v1/books/"+book.ID)
	}
	answer(c, http.StatusCreated, book, err)
}

func (a *api) adjustStock(c *gin.Context) {
	var body AdjustStock
	if err := c.ShouldBindJSON(&body); err != nil {
		fail(c, err)
		return
	}
	book, err := a.store.AdjustStock(c, c.Param("id"), body.Delta)
	answer(c, http.StatusOK, book, err)
}

func answer(c *gin.Context, status int, body any, err error) {
	if err != nil {
		fail(c, err)
		return
	}
	c.JSON(status, body)
}

func fail(c *gin.Context, err error) {
	var invalid validator.ValidationErrors
	status := http.StatusInternalServerError
	switch {
	case errors.Is(err, ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, ErrConflict), errors.Is(err, ErrInsufficientStock):
		status = http.StatusConflict
	case errors.As(err, &invalid):
		status = http.StatusUnprocessableEntity
	case errors.Is(err, ErrInvalidCursor):
		status = http.StatusBadRequest
	default:
		log.Print(err)
		err = errors.New("internal error")
	}
	c.JSON(status, gin.H{"message": err.Error()})
}

func main() {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL") + "?pool_max_conns=" + os.Getenv("DATABASE_POOL_SIZE"))
	if err != nil {
		log.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	gin.SetMode(gin.ReleaseMode)
	gin.DisableConsoleColor()
	router := gin.Default()
	// So that a handler's context is its request's.
	router.ContextWithFallback = true

	a := &api{store: &Store{pool}}
	books := router.Group("/api/v1/books")
	books.GET("", a.listBooks)
	books.POST("", a.createBook)
	books.GET("/:id", a.getBook)
	books.POST("/:id/stock", a.adjustStock)
	log.Fatal(router.Run("127.0.0.1:" + os.Getenv("PORT")))
}
