//! HTML and JSON: webhooks, health and the API. The only user of axum.
