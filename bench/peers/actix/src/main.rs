//! The bookstore of the Actix tutorial (Actix Web and SQLx), on Octavo's schema.

use actix_web::http::{StatusCode, header::LOCATION};
use actix_web::middleware::Logger;
use actix_web::{App, HttpResponse, HttpServer, ResponseError, get, post, web};
use bookstore::{AdjustStock, BookError, BookQuery, CreateBook};
use serde_json::json;
use sqlx::PgPool;
use std::fmt;
use uuid::Uuid;

#[derive(Debug)]
struct ApiError(BookError);

impl From<BookError> for ApiError {
    fn from(error: BookError) -> Self {
        Self(error)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ResponseError for ApiError {
    fn error_response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.0.status()).expect("a valid status");
        HttpResponse::build(status).json(json!({ "message": self.to_string() }))
    }
}

type Answer = Result<HttpResponse, ApiError>;

#[get("/books")]
async fn list_books(pool: web::Data<PgPool>, query: web::Query<BookQuery>) -> Answer {
    Ok(HttpResponse::Ok().json(bookstore::list(&pool, &query).await?))
}

#[get("/books/{id}")]
async fn get_book(pool: web::Data<PgPool>, id: web::Path<Uuid>) -> Answer {
    Ok(HttpResponse::Ok().json(bookstore::get(&pool, *id).await?))
}

#[post("/books")]
async fn create_book(pool: web::Data<PgPool>, body: web::Json<CreateBook>) -> Answer {
    let book = bookstore::create(&pool, &body).await?;
    let location = format!("/api/v1/books/{}", book.id);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .json(book))
}

#[post("/books/{id}/stock")]
async fn adjust_stock(pool: web::Data<PgPool>, id: web::Path<Uuid>, body: web::Json<AdjustStock>) -> Answer {
    Ok(HttpResponse::Ok().json(bookstore::adjust_stock(&pool, *id, body.delta).await?))
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let (writer, _guard) = tracing_appender::non_blocking(std::io::stdout());
    tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .init();

    let (pool, port) = bookstore::setup().await;
    let pool = web::Data::new(pool);

    HttpServer::new(move || {
        App::new()
            .app_data(pool.clone())
            .app_data(web::JsonConfig::default().limit(1_048_576))
            // One line per request; the tutorial's second logger would write the same again.
            .wrap(Logger::default())
            .service(
                web::scope("/api/v1")
                    .service(list_books)
                    .service(create_book)
                    .service(get_book)
                    .service(adjust_stock),
            )
    })
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
