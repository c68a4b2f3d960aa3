//! Serves the application on <http://localhost:3000>: `alice` and `bob` sign in with the
//! password `secret`.

use dwell_example_axum_login::web::App;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    App::new()?.serve().await
}
