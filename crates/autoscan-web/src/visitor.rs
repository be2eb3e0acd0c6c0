//! A person at a page: proven by a session, and by the token of each form that is sent.

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::answer::Problem;
use crate::app::{App, Shared, only_looks};
use crate::caller::Caller;
use crate::pages::frame;
use crate::session::{Notice, Session};
use crate::{body, query};

/// A person who may look.
pub(crate) struct Visitor {
    pub(crate) session: Session,
}

/// Why a request is not a visitor's.
pub(crate) enum VisitorRejection {
    /// A page was asked for: the person is led to the login, and from there back to this path.
    LedToLogin(String),
    /// Begin a session without a password, and ask again: authentication is off.
    LetIn(Response),
    Refused(Problem),
}

impl Visitor {
    /// Keeps a sentence for the next page, and leads there.
    pub(crate) fn notify(&self, app: &App, tone: &'static str, text: impl Into<String>) {
        app.process.sessions.notify(&self.session, Notice { tone, text: text.into() }, app.web.engine.now());
    }
}

impl<S> FromRequestParts<S> for Visitor
where
    Shared: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = VisitorRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, VisitorRejection> {
        let app = Shared::from_ref(state);
        let found = app.session(parts).await.map_err(VisitorRejection::Refused)?;
        let now = app.web.engine.now();
        let looks = only_looks(&parts.method);
        let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
        if let Some(session) = found
            && session.logged_in
            && !(app.access.disabled && looks && session.is_old(now))
        {
            return Ok(Self { session });
        }
        if !looks {
            return Err(VisitorRejection::Refused(Problem::logged_out()));
        }
        if app.access.disabled {
            let (_, cookie) = app.begin_anonymous(parts);
            let mut response = frame::see_other(&format!("{}{wanted}", app.base()));
            frame::put_cookie(&mut response, cookie);
            return Err(VisitorRejection::LetIn(response));
        }
        let next = utf8_percent_encode(wanted, NON_ALPHANUMERIC);
        Err(VisitorRejection::LedToLogin(format!("{}/login?next={next}", app.base())))
    }
}

impl IntoResponse for VisitorRejection {
    fn into_response(self) -> Response {
        match self {
            Self::LedToLogin(to) => frame::see_other(&to),
            Self::LetIn(response) => response,
            Self::Refused(problem) => problem.into_response(),
        }
    }
}

/// A form that a visitor sent. Its token is right, so a handler that takes one cannot forget to look.
pub(crate) struct Posted {
    pub(crate) visitor: Visitor,
    fields: Vec<(String, String)>,
}

impl Posted {
    /// The first value of a field; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value of a field.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

impl<S> FromRequest<S> for Posted
where
    Shared: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = VisitorRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, VisitorRejection> {
        let (mut parts, body) = request.into_parts();
        let visitor = match Visitor::from_request_parts(&mut parts, state).await {
            Ok(visitor) => visitor,
            Err(VisitorRejection::Refused(problem)) => {
                return Err(VisitorRejection::Refused(body::reject(&parts, body, problem).await));
            }
            Err(rejection) => return Err(rejection),
        };
        let fields = fields(&parts, body, &visitor.session).await.map_err(VisitorRejection::Refused)?;
        Ok(Self { visitor, fields })
    }
}

/// Reads a form that was sent by a page of ours.
pub(crate) async fn fields(
    parts: &Parts,
    body: axum::body::Body,
    session: &Session,
) -> Result<Vec<(String, String)>, Problem> {
    if !Caller::of(parts).is_from_here(&parts.headers) {
        return Err(body::reject(parts, body, Problem::cross_site()).await);
    }
    let bytes = body::read(parts, body).await?;
    let fields = query::parse_form(&bytes)?;
    let token = fields.iter().find(|(name, _)| name == "csrf").map(|(_, value)| value.as_str());
    if token.is_some_and(|token| session.is_token(token)) { Ok(fields) } else { Err(Problem::stale_form()) }
}

impl Problem {
    /// 403: the form is not of this session.
    fn stale_form() -> Self {
        let error =
            "The page was too old, or not of autoscan: nothing was done. Open it again and send it once more";
        Self::new(StatusCode::FORBIDDEN, "CSRF", error)
    }
}
