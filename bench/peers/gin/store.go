package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

var (
	ErrNotFound          = errors.New("there is no such book")
	ErrConflict          = errors.New("there is another book with this ISBN")
	ErrInsufficientStock = errors.New("the stock does not cover it")
	ErrInvalidCursor     = errors.New("this is no cursor")
)

type Book struct {
	ID          string  `json:"id"`
	Title       string  `json:"title"`
	Author      string  `json:"author"`
	ISBN        string  `json:"isbn"`
	Price       float64 `json:"price"`
	Stock       int32   `json:"stock"`
	Description *string `json:"description"`
	CreatedAt   Time    `json:"created_at"`
	UpdatedAt   Time    `json:"updated_at"`
}

// Time is written in UTC, with all six digits of its fraction.
type Time struct{ time.Time }

const timeFormat = "2006-01-02T15:04:05.000000Z"

func (t Time) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"`+timeFormat+`"`), nil
}

func (t *Time) ScanTimestamptz(value pgtype.Timestamptz) error {
	t.Time = value.Time
	return nil
}

type CreateBook struct {
	Title       string  `json:"title" binding:"required,max=255"`
	Author      string  `json:"author" binding:"required,max=255"`
	ISBN        string  `json:"isbn" binding:"required,len=13,isbn13"`
	Price       float64 `json:"price" binding:"min=0,required_with=Stock"`
	Stock       int32   `json:"stock" binding:"min=0"`
	Description *string `json:"description" binding:"omitempty,max=10000"`
}

type AdjustStock struct {
	Delta int32 `json:"delta" binding:"required"`
}

type BookQuery struct {
	Limit  int    `form:"limit,default=20" binding:"min=1,max=100"`
	Search string `form:"search"`
	After  string `form:"after"`
}

type BookPage struct {
	Data  []Book `json:"data"`
	Limit int    `json:"limit"`
	// For `after`: the place of the last book, where more follow.
	NextCursor *string `json:"next_cursor"`
}

// Store is the books in Postgres. pgx prepares each statement once per connection.
type Store struct{ pool *pgxpool.Pool }

const columns = "id, title, author, isbn, price::float8, stock, description, created_at, updated_at"

func (s *Store) Get(ctx context.Context, id string) (*Book, error) {
	return s.one(ctx, "SELECT "+columns+" FROM books WHERE id = $1", id)
}

func (s *Store) Create(ctx context.Context, book CreateBook) (*Book, error) {
	return s.one(ctx,
		"INSERT INTO books (title, author, isbn, price, stock, description) VALUES ($1, $2, $3, $4, $5, $6) RETURNING "+columns,
		book.Title, book.Author, book.ISBN, book.Price, book.Stock, book.Description)
}

func (s *Store) AdjustStock(ctx context.Context, id string, delta int32) (*Book, error) {
	book, err := s.one(ctx,
		"UPDATE books SET stock = stock + $2 WHERE id = $1 AND stock + $2 >= 0 RETURNING "+columns, id, delta)
	if errors.Is(err, ErrNotFound) {
		if _, err := s.Get(ctx, id); err != nil {
			return nil, err
		}
		return nil, ErrInsufficientStock
	}
	return book, err
}

func (s *Store) List(ctx context.Context, query BookQuery) (*BookPage, error) {
	var (
		conditions = []string{"true"}
		arguments  []any
	)
	argument := func(value any) string {
		arguments = append(arguments, value)
		return fmt.Sprintf("$%d", len(arguments))
	}
	if query.After != "" {
		at, id, err := parseCursor(query.After)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, "(created_at, id) < ("+argument(at)+", "+argument(id)+")")
	}
	if query.Search != "" {
		// An index of both columns' trigrams serves this condition.
		pattern := argument("%" + query.Search + "%")
		conditions = append(conditions, "(title ILIKE "+pattern+" OR author ILIKE "+pattern+")")
	}
	sql := "SELECT " + columns + " FROM books WHERE " + strings.Join(conditions, " AND ") +
		" ORDER BY created_at DESC, id DESC LIMIT " + argument(query.Limit+1)
	if query.Search != "" {
		// Not prepared: planned with its term, as one plan for all terms is a bad one for most.
		arguments = append([]any{pgx.QueryExecModeCacheDescribe}, arguments...)
	}
	rows, _ := s.pool.Query(ctx, sql, arguments...)
	books, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Book])
	if err != nil {
		return nil, err
	}
	page := &BookPage{Data: books, Limit: query.Limit}
	if len(books) > query.Limit {
		page.Data = books[:query.Limit]
		last := page.Data[query.Limit-1]
		cursor := last.CreatedAt.UTC().Format(timeFormat) + "_" + last.ID
		page.NextCursor = &cursor
	}
	return page, nil
}

func parseCursor(cursor string) (at time.Time, id string, err error) {
	text, id, found := strings.Cut(cursor, "_")
	at, err = time.Parse(timeFormat, text)
	if !found || err != nil {
		return at, id, ErrInvalidCursor
	}
	return at, id, nil
}

func (s *Store) one(ctx context.Context, sql string, arguments ...any) (*Book, error) {
	rows, _ := s.pool.Query(ctx, sql, arguments...)
	book, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Book])
	var broken *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, ErrNotFound
	case errors.As(err, &broken) && broken.ConstraintName == "books_isbn_key":
		return nil, ErrConflict
	}
	return book, err
}
