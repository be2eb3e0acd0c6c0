//! Every target is wrapped once. What a server says is quoted in errors, notes and names: it may repeat a secret of ours, so
//! all of it is redacted before it is kept or shown. And a fault in the code of one kind harms only the call that met it: a
//! panic is caught at the call and becomes a fault of that call.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use autoscan_core::cause::{IgnoreFile, MissingCause, Remedy};
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{
    Advice, Aftercare, Batching, Care, CareScan, Identity, Libraries, Library, Plan, Playback, Proof,
    Remedies, ServerEvents, ServerListing, Target, TargetScan,
};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::redact::Redaction;
use futures_util::FutureExt as _;

/// A target whose words hold no secret and whose panics end a call, and nothing else.
struct Protected {
    server: Arc<dyn Target>,
    redaction: Redaction,
}

/// The same target, whose words hold no secret and whose panics end a call, and nothing else.
pub fn protected(server: Arc<dyn Target>, redaction: Redaction) -> Arc<dyn Target> {
    Arc::new(Protected { server, redaction })
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it did not say why")
}

/// A call that panicked failed; whether it is the server or the call alone, a probe tells.
fn broke(panic: &(dyn Any + Send)) -> Fault {
    Fault::away(format!(
        "autoscan itself failed in this call; that is a bug of autoscan, please report it: {}",
        message(panic)
    ))
}

impl Protected {
    fn hide(&self, text: &mut String) {
        if let Cow::Owned(hidden) = self.redaction.hide(text) {
            *text = hidden;
        }
    }

    fn hide_all(&self, mut texts: Vec<String>) -> Vec<String> {
        for text in &mut texts {
            self.hide(text);
        }
        texts
    }

    /// The same fault with a harmless reason.
    fn fault(&self, mut fault: Fault) -> Fault {
        match &mut fault {
            Fault::Away { reason }
            | Fault::Busy { reason, .. }
            | Fault::Later { reason, .. }
            | Fault::Refused { reason }
            | Fault::NotMine { reason }
            | Fault::Wrong { reason } => self.hide(reason),
        }
        fault
    }

    /// What a call answered, its panic among the faults.
    async fn call<T>(&self, call: impl Future<Output = Result<T, Fault>> + Send) -> Result<T, Fault> {
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(answer) => answer.map_err(|fault| self.fault(fault)),
            Err(panic) => Err(self.fault(broke(&*panic))),
        }
    }

    /// What a call answered that cannot fail; this instead, when it panicked.
    async fn ask<T>(&self, call: impl Future<Output = T> + Send, otherwise: T) -> T {
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(answer) => answer,
            Err(panic) => {
                let fault = self.fault(broke(&*panic));
                tracing::error!(
                    reason = fault.reason(),
                    "a call failed; autoscan goes on without its answer"
                );
                otherwise
            }
        }
    }

    /// The same for what is answered at once.
    fn look<T>(&self, look: impl FnOnce() -> T, otherwise: T) -> T {
        catch_unwind(AssertUnwindSafe(look)).unwrap_or_else(|panic| {
            let fault = self.fault(broke(&*panic));
            tracing::error!(reason = fault.reason(), "a look failed; autoscan goes on without its answer");
            otherwise
        })
    }

    /// Tells a batch. When that panics each scan is told alone, so that only the one that breaks it fails.
    async fn tell(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let told = AssertUnwindSafe(self.server.scan(batch)).catch_unwind().await;
        let mut answers = match told {
            Ok(answers) => answers,
            Err(panic) if batch.len() <= 1 => vec![Err(broke(&*panic)); batch.len()],
            Err(_panic) => {
                let mut answers = Vec::with_capacity(batch.len());
                for scan in batch {
                    let told =
                        AssertUnwindSafe(self.server.scan(std::slice::from_ref(scan))).catch_unwind().await;
                    answers.extend(match told {
                        Ok(answer) => answer.into_iter().next(),
                        Err(panic) => Some(Err(broke(&*panic))),
                    });
                }
                answers
            }
        };
        let short = || {
            Fault::wrong(
                "autoscan got no answer for this folder; that is a bug of autoscan, please report it",
            )
        };
        answers.resize_with(batch.len(), || Err(short()));
        answers
    }
}

#[async_trait]
impl Target for Protected {
    async fn probe(&self) -> Result<Identity, Fault> {
        let mut identity = self.call(self.server.probe()).await?;
        self.hide(&mut identity.product);
        self.hide(&mut identity.version);
        identity.name.iter_mut().for_each(|name| self.hide(name));
        Ok(identity)
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let answers = self.tell(batch).await.into_iter();
        answers.map(|answer| answer.map_err(|fault| self.fault(fault))).collect()
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let mut plan = self.call(self.server.plan(scan)).await?;
        for call in &mut plan.calls {
            self.hide(&mut call.url);
            call.body.iter_mut().for_each(|body| self.hide(body));
        }
        Ok(plan)
    }

    fn batching(&self) -> Batching {
        self.look(|| self.server.batching(), Batching::One)
    }

    fn queue(&self, scan: &TargetScan) -> Option<String> {
        self.look(|| self.server.queue(scan), None)
    }

    fn passes_on(&self) -> bool {
        self.server.passes_on()
    }

    fn libraries(&self) -> Option<&dyn Libraries> {
        self.server.libraries().map(|_its| self as &dyn Libraries)
    }

    fn proof(&self) -> Option<&dyn Proof> {
        self.server.proof().map(|_its| self as &dyn Proof)
    }

    fn aftercare(&self) -> Option<&dyn Aftercare> {
        self.server.aftercare().map(|_its| self as &dyn Aftercare)
    }

    fn remedies(&self) -> Option<&dyn Remedies> {
        self.server.remedies().map(|_its| self as &dyn Remedies)
    }

    fn server_events(&self) -> Option<&dyn ServerEvents> {
        self.server.server_events().map(|_its| self as &dyn ServerEvents)
    }

    fn playback(&self) -> Option<&dyn Playback> {
        self.server.playback().map(|_its| self as &dyn Playback)
    }

    fn advice(&self) -> Option<&dyn Advice> {
        self.server.advice().map(|_its| self as &dyn Advice)
    }
}

#[async_trait]
impl Libraries for Protected {
    async fn read(&self) -> Result<Vec<Library>, Fault> {
        let Some(its) = self.server.libraries() else { return Ok(Vec::new()) };
        let mut libraries = self.call(its.read()).await?;
        for library in &mut libraries {
            self.hide(&mut library.title);
        }
        Ok(libraries)
    }

    fn cached(&self) -> Option<(Arc<[Library]>, Duration)> {
        let its = self.server.libraries()?;
        let (libraries, age) = self.look(|| its.cached(), None)?;
        let harmless = |library: &Library| matches!(self.redaction.hide(&library.title), Cow::Borrowed(_));
        if libraries.iter().all(harmless) {
            return Some((libraries, age));
        }
        let mut libraries = libraries.to_vec();
        for library in &mut libraries {
            self.hide(&mut library.title);
        }
        Some((libraries.into(), age))
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        let Some(its) = self.server.libraries() else { return false };
        self.ask(its.is_below_a_root(folder), false).await
    }

    async fn samples(&self, libraries: &[Library]) -> Vec<String> {
        let Some(its) = self.server.libraries() else { return Vec::new() };
        self.ask(its.samples(libraries), Vec::new()).await
    }
}

#[async_trait]
impl Proof for Protected {
    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        let Some(its) = self.server.proof() else { return Ok(Vec::new()) };
        let mut all = self.call(its.find(folder, expected)).await?;
        for observation in &mut all {
            match observation {
                Observation::NotYet(reason) | Observation::Unknowable(reason) => self.hide(reason),
                Observation::Proven => {}
            }
        }
        Ok(all)
    }

    async fn list_below(&self, folder: &TargetPath, most: usize) -> Result<Option<ServerListing>, Fault> {
        let Some(its) = self.server.proof() else { return Ok(None) };
        self.call(its.list_below(folder, most)).await
    }

    async fn lost(&self, scan: &TargetScan, told_ago: Duration) -> Option<String> {
        let its = self.server.proof()?;
        let mut reason = self.ask(its.lost(scan, told_ago), None).await?;
        self.hide(&mut reason);
        Some(reason)
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<MissingCause> {
        let mut cause = self.ask(self.server.proof()?.why_missing(expected), None).await?;
        self.hide(&mut cause.sentence);
        cause.evidence.iter_mut().for_each(|evidence| self.hide(evidence));
        if let Some(Remedy::ScanLibrary { library, .. }) = &mut cause.remedy {
            self.hide(library);
        }
        Some(cause)
    }

    fn ignore_file(&self) -> Option<IgnoreFile> {
        let its = self.server.proof()?;
        self.look(|| its.ignore_file(), None)
    }
}

#[async_trait]
impl Remedies for Protected {
    async fn apply(&self, remedy: &Remedy) -> Result<(), Fault> {
        let none = || Fault::wrong("this target can do nothing about a missing file");
        let its = self.server.remedies().ok_or_else(none)?;
        self.call(its.apply(remedy)).await
    }
}

#[async_trait]
impl Aftercare for Protected {
    fn concerns(&self, scan: &TargetScan) -> bool {
        self.server.aftercare().is_some_and(|its| self.look(|| its.concerns(scan), false))
    }

    async fn care(&self, care: &CareScan) -> Result<Care, Fault> {
        let Some(its) = self.server.aftercare() else { return Ok(Care::Done(Vec::new())) };
        match self.call(its.care(care)).await? {
            Care::Done(notes) => Ok(Care::Done(self.hide_all(notes))),
            Care::Later(mut reason) => {
                self.hide(&mut reason);
                Ok(Care::Later(reason))
            }
        }
    }
}

#[async_trait]
impl ServerEvents for Protected {
    /// A server whose events cannot be read says none any more: its files are asked for all the same, only later.
    async fn next(&self) {
        let listened = match self.server.server_events() {
            Some(its) => self.ask(its.next().map(Some), None).await,
            None => None,
        };
        if listened.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Playback for Protected {
    async fn playing(&self) -> Result<usize, Fault> {
        let Some(its) = self.server.playback() else { return Ok(0) };
        self.call(its.playing()).await
    }
}

#[async_trait]
impl Advice for Protected {
    async fn advise(&self) -> Result<Vec<String>, Fault> {
        let Some(its) = self.server.advice() else { return Ok(Vec::new()) };
        Ok(self.hide_all(self.call(its.advise()).await?))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_of_the_port_is_left_to_its_default() {
        let (port, ours) =
            (include_str!("../../autoscan-core/src/ports/target.rs"), include_str!("protected.rs"));
        let methods = port
            .split("\npub trait ")
            .skip(1)
            .flat_map(|part| part.split("\n    fn ").skip(1).chain(part.split("\n    async fn ").skip(1)));
        for method in methods {
            let name = method.split('(').next().unwrap();
            let wrapped = [format!("self.server.{name}("), format!("its.{name}(")];
            assert!(
                wrapped.iter().any(|call| ours.contains(call))
                    || ours.contains(&format!(".{name}(expected)")),
                "wrap {name}"
            );
        }
    }
}
