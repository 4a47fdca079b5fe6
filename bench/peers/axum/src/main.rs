//! The same bookstore on Axum and SQLx.

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header::LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bookstore::{AdjustStock, Book, BookError, BookPage, BookQuery, CreateBook};
use serde_json::json;
use sqlx::PgPool;
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;
use uuid::Uuid;

struct ApiError(BookError);

impl From<BookError> for ApiError {
    fn from(error: BookError) -> Self {
        Self(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).expect("a valid status");
        (status, Json(json!({ "message": self.0.to_string() }))).into_response()
    }
}

type Answer<T> = Result<T, ApiError>;

async fn list_books(State(pool): State<PgPool>, Query(query): Query<BookQuery>) -> Answer<Json<BookPage>> {
    Ok(Json(bookstore::list(&pool, &query).await?))
}

async fn get_book(State(pool): State<PgPool>, Path(id): Path<Uuid>) -> Answer<Json<Book>> {
    Ok(Json(bookstore::get(&pool, id).await?))
}

async fn create_book(State(pool): State<PgPool>, Json(body): Json<CreateBook>) -> Answer<impl IntoResponse> {
    let book = bookstore::create(&pool, &body).await?;
    let location = format!("/api/v1/books/{}", book.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(book)))
}

async fn adjust_stock(
    State(pool): State<PgPool>,
    Path(id): Path<Uuid>,
    Json(body): Json<AdjustStock>,
) -> Answer<Json<Book>> {
    Ok(Json(bookstore::adjust_stock(&pool, id, body.delta).await?))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (writer, _guard) = tracing_appender::non_blocking(std::io::stdout());
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .init();

    let (pool, port) = bookstore::setup().await;

    let books = Router::new()
        .route("/books", get(list_books).post(create_book))
        .route("/books/{id}", get(get_book))
        .route("/books/{id}/stock", post(adjust_stock));
    let app = Router::new().nest("/api/v1", books).with_state(pool).layer(
        TraceLayer::new_for_http()
            .make_span_with(DefaultMakeSpan::new().level(Level::INFO))
            .on_response(DefaultOnResponse::new().level(Level::INFO)),
    );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).await
}
