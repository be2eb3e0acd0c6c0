use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::pretend::http_server::{Behavior, HttpServer, Recorded, Reply, lock};

/// Somebody's server that takes webhooks. It answers as many do: a page to a webhook, and 405 to everything else.
pub struct PretendReceiver {
    /// Its port, its log and its trouble.
    pub http: HttpServer,
    receiver: Arc<Receiver>,
}

#[derive(Default)]
struct Receiver {
    bodies: Mutex<Vec<Value>>,
    /// A header and the value that it must have.
    key: Mutex<Option<(String, String)>>,
    /// What no body may hold.
    stumbles_over: Mutex<Option<String>>,
}

impl PretendReceiver {
    /// Opens its port.
    pub async fn start() -> io::Result<Self> {
        let receiver = Arc::new(Receiver::default());
        let behavior: Arc<dyn Behavior> = Arc::clone(&receiver) as Arc<dyn Behavior>;
        Ok(Self { http: HttpServer::open(behavior, "").await?, receiver })
    }

    /// Lets in only who sends this header, its name in lower case, with this value.
    pub fn set_key(&self, header: &str, value: &str) {
        *lock(&self.receiver.key) = Some((header.to_owned(), value.to_owned()));
    }

    /// Fails with 500 at every body that holds this text, or at none.
    pub fn set_stumbles_over(&self, text: Option<&str>) {
        *lock(&self.receiver.stumbles_over) = text.map(str::to_owned);
    }

    /// The bodies that it took, in order.
    pub fn bodies(&self) -> Vec<Value> {
        lock(&self.receiver.bodies).clone()
    }
}

impl Behavior for Receiver {
    fn answer(&self, call: &Recorded) -> Reply {
        if let Some((header, value)) = &*lock(&self.key)
            && call.header(header) != Some(value)
        {
            return self.error(401);
        }
        if !matches!(call.method.as_str(), "POST" | "PUT" | "PATCH") {
            return self.error(405);
        }
        if lock(&self.stumbles_over).as_ref().is_some_and(|text| call.body.contains(text)) {
            return self.error(500);
        }
        let Ok(body) = serde_json::from_str(&call.body) else { return self.error(400) };
        lock(&self.bodies).push(body);
        Reply::new(200, "text/html", "<html>thank you</html>")
    }

    fn error(&self, status: u16) -> Reply {
        Reply::new(status, "text/plain", "no")
    }
}
