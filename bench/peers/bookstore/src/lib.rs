//! What the Rust peers share: the books of the tutorial, and their SQL over Octavo's schema.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{FromRow, QueryBuilder};
use std::env;
use thiserror::Error;
use uuid::Uuid;
use validator::{Validate, ValidationError, ValidationErrors};

#[derive(Debug, Error)]
pub enum BookError {
    #[error("There is no such book.")]
    NotFound,
    #[error("This is no cursor.")]
    InvalidCursor,
    #[error("The stock does not cover it.")]
    InsufficientStock,
    #[error("{0}")]
    Validation(#[from] ValidationErrors),
    #[error("There is another book with this ISBN.")]
    Conflict,
    #[error("A database error occurred.")]
    Database(sqlx::Error),
}

impl BookError {
    /// The status to answer with; what is no fault of the client's is logged.
    pub fn status(&self) -> u16 {
        match self {
            Self::InvalidCursor => 400,
            Self::NotFound => 404,
            Self::InsufficientStock | Self::Conflict => 409,
            Self::Validation(_) => 422,
            Self::Database(error) => {
                tracing::error!(?error, "database error");
                500
            }
        }
    }
}

impl From<sqlx::Error> for BookError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|error| error.constraint()) {
            Some("books_isbn_key") => Self::Conflict,
            _ => Self::Database(error),
        }
    }
}

#[derive(Debug, Serialize, FromRow)]
pub struct Book {
    pub id: Uuid,
    pub title: String,
    pub author: String,
    pub isbn: String,
    #[serde(with = "rust_decimal::serde::float")]
    pub price: Decimal,
    pub stock: i32,
    pub description: Option<String>,
    #[serde(serialize_with = "micros")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "micros")]
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize, Validate)]
#[validate(schema(function = "validate_price_stock", skip_on_field_errors = true))]
pub struct CreateBook {
    #[validate(length(min = 1, max = 255))]
    pub title: String,
    #[validate(length(min = 1, max = 255))]
    pub author: String,
    #[validate(custom(function = "validate_isbn"))]
    pub isbn: String,
    #[serde(with = "rust_decimal::serde::float")]
    #[validate(custom(function = "validate_price"))]
    pub price: Decimal,
    #[serde(default)]
    #[validate(range(min = 0))]
    pub stock: i32,
    #[validate(length(max = 10000))]
    pub description: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct AdjustStock {
    pub delta: i32,
}

/// A page by keyset, or by number as the tutorial has it.
#[derive(Debug, Deserialize)]
pub struct BookQuery {
    pub limit: Option<i64>,
    pub search: Option<String>,
    pub after: Option<String>,
    pub page: Option<i64>,
}

#[derive(Debug, Serialize)]
pub struct BookPage {
    pub data: Vec<Book>,
    pub limit: i64,
    /// For `after`: the place of the last book, where more follow.
    pub next_cursor: Option<String>,
}

fn micros<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn validate_isbn(isbn: &str) -> Result<(), ValidationError> {
    let digits: Option<Vec<u32>> = isbn.chars().map(|digit| digit.to_digit(10)).collect();
    let good = digits.is_some_and(|digits| {
        let sum: u32 = digits
            .iter()
            .zip([1, 3].iter().cycle())
            .map(|(digit, weight)| digit * weight)
            .sum();
        digits.len() == 13 && sum.is_multiple_of(10)
    });
    good.then_some(())
        .ok_or_else(|| ValidationError::new("invalid_isbn"))
}

fn validate_price(price: &Decimal) -> Result<(), ValidationError> {
    let good = !price.is_sign_negative() && price.normalize().scale() <= 2;
    good.then_some(())
        .ok_or_else(|| ValidationError::new("out_of_range"))
}

fn validate_price_stock(book: &CreateBook) -> Result<(), ValidationError> {
    let good = book.stock == 0 || !book.price.is_zero();
    good.then_some(())
        .ok_or_else(|| ValidationError::new("zero_price_with_stock"))
}

/// What the environment says: a pool on DATABASE_URL of DATABASE_POOL_SIZE connections, and the PORT to listen on.
pub async fn setup() -> (PgPool, u16) {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} must be set"));
    let number = |name: &str| -> u16 {
        variable(name)
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number"))
    };
    let pool = PgPoolOptions::new()
        .max_connections(number("DATABASE_POOL_SIZE").into())
        // The default pings the database before each statement: a second round trip.
        .test_before_acquire(false)
        .connect(&variable("DATABASE_URL"))
        .await
        .expect("failed to connect to the database");
    (pool, number("PORT"))
}

macro_rules! columns {
    () => {
        "id, title, author, isbn, price, stock, description, created_at, updated_at"
    };
}

pub async fn get(pool: &PgPool, id: Uuid) -> Result<Book, BookError> {
    sqlx::query_as(concat!("SELECT ", columns!(), " FROM books WHERE id = $1"))
        .bind(id)
        .fetch_optional(pool)
        .await?
        .ok_or(BookError::NotFound)
}

pub async fn list(pool: &PgPool, query: &BookQuery) -> Result<BookPage, BookError> {
    let limit = query.limit.unwrap_or(20).clamp(1, 100);
    let mut sql = QueryBuilder::new(concat!("SELECT ", columns!(), " FROM books WHERE true"));
    if let Some(after) = &query.after {
        let (time, id) = parse_cursor(after).ok_or(BookError::InvalidCursor)?;
        sql.push(" AND (created_at, id) < (")
            .push_bind(time)
            .push(", ")
            .push_bind(id)
            .push(")");
    }
    if let Some(term) = &query.search {
        sql.push(" AND to_tsvector('english', title || ' ' || author) @@ websearch_to_tsquery('english', ")
            .push_bind(term)
            .push(")");
    }
    sql.push(" ORDER BY created_at DESC, id DESC LIMIT ")
        .push_bind(limit + 1);
    if let Some(page) = query.page {
        sql.push(" OFFSET ").push_bind((page.max(1) - 1) * limit);
    }
    // A search is planned with its term, as one plan for all terms is a bad one for most.
    let statement = sql.build_query_as().persistent(query.search.is_none());
    let mut data: Vec<Book> = statement.fetch_all(pool).await?;
    let more = data.len() as i64 > limit;
    data.truncate(limit as usize);
    let next_cursor = data.last().filter(|_| more).map(cursor_after);
    Ok(BookPage {
        data,
        limit,
        next_cursor,
    })
}

fn cursor_after(book: &Book) -> String {
    format!(
        "{}_{}",
        book.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        book.id
    )
}

fn parse_cursor(cursor: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (time, id) = cursor.split_once('_')?;
    Some((time.parse().ok()?, id.parse().ok()?))
}

pub async fn create(pool: &PgPool, book: &CreateBook) -> Result<Book, BookError> {
    book.validate()?;
    let book = sqlx::query_as(concat!(
        "INSERT INTO books (title, author, isbn, price, stock, description) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ",
        columns!()
    ))
    .bind(&book.title)
    .bind(&book.author)
    .bind(&book.isbn)
    .bind(book.price)
    .bind(book.stock)
    .bind(&book.description)
    .fetch_one(pool)
    .await?;
    Ok(book)
}

pub async fn adjust_stock(pool: &PgPool, id: Uuid, delta: i32) -> Result<Book, BookError> {
    let changed = sqlx::query_as(concat!(
        "UPDATE books SET stock = stock + $2 WHERE id = $1 AND stock + $2 >= 0 RETURNING ",
        columns!()
    ))
    .bind(id)
    .bind(delta)
    .fetch_optional(pool)
    .await?;
    match changed {
        Some(book) => Ok(book),
        None => get(pool, id).await.and(Err(BookError::InsufficientStock)),
    }
}
