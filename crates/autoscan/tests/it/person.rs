//! A person who uses the pages without scripts.

use std::cell::RefCell;

use crate::harness::{Answer, Program};

/// A person with a browser that runs no scripts.
pub(crate) struct Person<'a> {
    program: &'a Program,
    cookie: String,
    /// The body of every page so far, and where forms led.
    pub(crate) saw: RefCell<Vec<String>>,
}

impl<'a> Person<'a> {
    /// Logs in at the page.
    pub(crate) fn log_in(program: &'a Program, password: &str) -> Self {
        let page = program.request("GET", "/login", &[], b"");
        let body = format!(
            "csrf={}&username=autoscan&password={}&next=/",
            hidden(&page.body, "csrf"),
            encoded(password)
        );
        let headers = [format!("Cookie: {}", cookie(&page)), FORM.to_owned()];
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = program.request("POST", "/login", &headers, body.as_bytes());
        assert_eq!(answer.status, 303, "{answer:?}");
        Self { program, cookie: cookie(&answer), saw: RefCell::default() }
    }

    /// A page that must be there.
    pub(crate) fn look(&self, path: &str) -> String {
        let answer = self.program.request("GET", path, &[&format!("Cookie: {}", self.cookie)], b"");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        self.saw.borrow_mut().push(format!("{path}\n{}", answer.body));
        answer.body
    }

    /// Sends a form that leads nowhere; answers the status and the page.
    pub(crate) fn fail(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let answer = self.post(path, fields);
        (answer.status, answer.body)
    }

    /// Sends a form, and looks at the page to which it leads.
    pub(crate) fn send(&self, path: &str, fields: &[(&str, &str)]) -> (String, String) {
        let answer = self.post(path, fields);
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        let to = header(&answer, "location").unwrap_or_default();
        (self.look(&to), to)
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = format!("csrf={}", hidden(&self.look("/setup"), "csrf"));
        for (name, value) in fields {
            body = body + "&" + name + "=" + &encoded(value);
        }
        let headers = [format!("Cookie: {}", self.cookie), FORM.to_owned()];
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        self.program.request("POST", path, &headers, body.as_bytes())
    }
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let found = answer.head.lines().filter_map(|line| line.split_once(": "));
    found.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

fn cookie(answer: &Answer) -> String {
    let cookie = header(answer, "set-cookie").unwrap_or_default();
    cookie.split(';').next().unwrap().to_owned()
}

/// What stands in a hidden field of a page.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}
