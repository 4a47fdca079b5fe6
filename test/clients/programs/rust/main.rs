use openapi::apis::{books_api, configuration::Configuration, Error};
use openapi::models::{BookInput, Problem, StockAdjustment};
use std::env::var;
use std::fmt::Debug;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = Configuration {
        base_path: var("OCTAVO_URL").unwrap(),
        bearer_access_token: Some(var("OCTAVO_TOKEN").unwrap()),
        ..Configuration::default()
    };

    let page = books_api::list_books(
        &client, Some(2), None, None, None, None, None, None, None, None, None, None, None, None, None, None, None,
        None, Some(1),
    )
    .await
    .unwrap();
    println!("lists {} {}", page.data[0].title, page.total_pages.unwrap());

    let mut input = BookInput::new("Clients".into(), "Anon".into(), var("OCTAVO_ISBN").unwrap(), 1234567.89);
    let created = books_api::create_book(&client, input.clone(), None).await.unwrap();
    println!("creates {} {}", created.price, created.description.as_deref().unwrap_or("null"));

    let id = created.id.to_string();
    books_api::adjust_stock(&client, &id, StockAdjustment::new(3), None).await.unwrap();
    let short = problem_of(books_api::adjust_stock(&client, &id, StockAdjustment::new(-5), None).await);
    println!("409 {} {}", name_of(&short.error), short.available.unwrap());

    input.isbn = "1234567890".into();
    let refused = problem_of(books_api::create_book(&client, input, None).await);
    let detail = &refused.details.unwrap()[0];
    println!("422 {} {}", detail.path, name_of(&detail.code));
}

/// All errors of an operation have one type, so that its enumeration cannot tell them apart.
fn problem_of<T: Debug, E: Debug>(result: Result<T, Error<E>>) -> Problem {
    match result {
        Err(Error::ResponseError(response)) => serde_json::from_str(&response.content).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The name of an enumeration's value: `InsufficientStock` is `insufficient_stock`.
fn name_of(value: &impl Debug) -> String {
    let mut name = String::new();
    for letter in format!("{value:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
