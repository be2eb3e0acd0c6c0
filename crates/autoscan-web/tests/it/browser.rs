//! A browser that has logged in.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::harness::{Harness, PASSWORD, Reply};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A browser with its cookie.
pub(crate) struct Browser<'a> {
    harness: &'a Harness,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// One that logged in.
    pub(crate) async fn inside(harness: &'a Harness) -> Self {
        let page = harness.ask("GET", "/login", &[], "").await;
        let cookie = cookie_of(&page);
        let body = form(&page.body, &[("username", "autoscan"), ("password", PASSWORD), ("next", "/")]);
        let reply = harness.ask("POST", "/login", &[("cookie", &cookie), FORM], body).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        Self { harness, cookie: cookie_of(&reply) }
    }

    /// One that was let in without a password.
    pub(crate) async fn let_in(harness: &'a Harness) -> Self {
        Self { harness, cookie: cookie_of(&harness.ask("GET", "/", &[], "").await) }
    }

    /// What it shows of itself.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// A page.
    pub(crate) async fn get(&self, uri: &str) -> Reply {
        self.harness.ask("GET", uri, &[("cookie", &self.cookie)], "").await
    }

    /// A page, with one more header.
    pub(crate) async fn get_with(&self, uri: &str, header: (&str, &str)) -> Reply {
        self.harness.ask("GET", uri, &[("cookie", &self.cookie), header], "").await
    }

    /// Sends a form just as it is.
    pub(crate) async fn send_raw(&self, uri: &str, body: &str) -> Reply {
        self.harness.ask("POST", uri, &[("cookie", &self.cookie), FORM], body.to_owned()).await
    }

    /// The page to which an answer leads.
    pub(crate) async fn follow(&self, reply: &Reply) -> Reply {
        assert_eq!(reply.status, 303, "{reply:?}");
        self.get(reply.header("location").split('#').next().unwrap()).await
    }

    /// Sends a form with the token of its session.
    pub(crate) async fn send(&self, uri: &str, fields: &[(&str, &str)]) -> Reply {
        let body = form(&self.get("/config").await.body, fields);
        self.harness.ask("POST", uri, &[("cookie", &self.cookie), FORM], body).await
    }
}

fn form(page: &str, fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fields = fields.iter().map(|(name, value)| format!("&{}={}", encoded(name), encoded(value)));
    format!("csrf={}{}", value_of(page, "csrf"), fields.collect::<String>())
}

fn cookie_of(reply: &Reply) -> String {
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    assert!(!cookie.is_empty(), "{reply:?}");
    cookie
}

/// The value of a hidden field.
pub(crate) fn value_of(page: &str, name: &str) -> String {
    let found = page.split_once(&format!("name=\"{name}\" value=\""));
    let (_, rest) = found.unwrap_or_else(|| panic!("no field {name}: {page}"));
    rest.split('"').next().unwrap().to_owned()
}
