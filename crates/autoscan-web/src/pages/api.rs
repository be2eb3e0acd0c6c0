//! The API for people: drawn from the document that programs read.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use super::frame::{self, Frame};
use crate::answer::Problem;
use crate::api::openapi;
use crate::app::Shared;
use crate::visitor::Visitor;

#[derive(Template)]
#[template(path = "api.html")]
struct Page {
    frame: Frame,
    about: String,
    groups: Vec<Group>,
}

struct Group {
    name: String,
    about: String,
    calls: Vec<Call>,
}

struct Call {
    method: String,
    path: String,
    summary: String,
    about: String,
    parameters: Vec<Parameter>,
    statuses: String,
    is_open: bool,
}

struct Parameter {
    name: String,
    place: String,
    about: String,
}

/// `GET /api/v1`.
pub(super) async fn page(State(app): State<Shared>, visitor: Visitor) -> Result<Response, Problem> {
    let document: Value = serde_json::from_str(&openapi::text(&app))
        .map_err(|error| Problem::internal(format!("the document of the API cannot be read: {error}")))?;
    let groups = each(&document["tags"]).map(|tag| group(tag, &document)).collect();
    let frame = Frame::new(&app, &visitor.session, "/api/v1");
    Ok(frame::page(&Page { frame, about: text(&document["info"]["description"]), groups }))
}

fn group(tag: &Value, document: &Value) -> Group {
    let paths = document["paths"].as_object().into_iter().flatten();
    let calls = paths
        .flat_map(|(path, methods)| methods.as_object().into_iter().flatten().map(move |each| (path, each)))
        .filter(|(_, (_, operation))| operation["tags"][0] == tag["name"])
        .map(|(path, (method, operation))| call(path, method, operation));
    Group { name: text(&tag["name"]), about: text(&tag["description"]), calls: calls.collect() }
}

fn call(path: &str, method: &str, operation: &Value) -> Call {
    let parameter = |parameter: &Value| Parameter {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        about: text(&parameter["description"]),
    };
    let statuses =
        operation["responses"].as_object().into_iter().flatten().map(|(status, _)| status.as_str());
    Call {
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        about: text(&operation["description"]),
        parameters: each(&operation["parameters"]).map(parameter).collect(),
        statuses: statuses.collect::<Vec<_>>().join(", "),
        is_open: operation["security"].as_array().is_some_and(Vec::is_empty),
    }
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
