//! What a server says is quoted in errors, notes and names; it may repeat a secret of ours, or have one of its own. So all
//! that it says is made harmless once, around every kind, before it is kept or shown.

use std::sync::Arc;

use async_trait::async_trait;
use autoscan_core::fault::Fault;
use autoscan_core::path::TargetPath;
use autoscan_core::ports::{Care, CareScan, Identity, Library, Plan, Target, TargetScan};
use autoscan_core::proof::{ExpectedFile, Observation};
use autoscan_core::redact::Redaction;

/// A target whose words hold no secret.
struct Discreet {
    server: Arc<dyn Target>,
    redaction: Redaction,
}

/// The same target, whose words hold no secret.
pub fn discreet(server: Arc<dyn Target>, redaction: Redaction) -> Arc<dyn Target> {
    Arc::new(Discreet { server, redaction })
}

/// The same fault with a harmless reason.
fn discreet_fault(fault: Fault, redaction: &Redaction) -> Fault {
    let hide = |reason: String| redaction.hide(&reason).into_owned();
    match fault {
        Fault::Away { reason } => Fault::Away { reason: hide(reason) },
        Fault::Busy { after, reason } => Fault::Busy { after, reason: hide(reason) },
        Fault::Later { after, reason } => Fault::Later { after, reason: hide(reason) },
        Fault::Refused { reason } => Fault::Refused { reason: hide(reason) },
        Fault::NotMine { reason } => Fault::NotMine { reason: hide(reason) },
        Fault::Wrong { reason } => Fault::Wrong { reason: hide(reason) },
    }
}

impl Discreet {
    fn hide(&self, text: &mut String) {
        if let std::borrow::Cow::Owned(hidden) = self.redaction.hide(text) {
            *text = hidden;
        }
    }

    fn hide_all(&self, mut texts: Vec<String>) -> Vec<String> {
        for text in &mut texts {
            self.hide(text);
        }
        texts
    }

    fn fault(&self, fault: Fault) -> Fault {
        discreet_fault(fault, &self.redaction)
    }
}

#[async_trait]
impl Target for Discreet {
    async fn probe(&self) -> Result<Identity, Fault> {
        let mut identity = self.server.probe().await.map_err(|fault| self.fault(fault))?;
        self.hide(&mut identity.product);
        self.hide(&mut identity.version);
        identity.name.iter_mut().for_each(|name| self.hide(name));
        Ok(identity)
    }

    async fn libraries(&self) -> Result<Vec<Library>, Fault> {
        let mut libraries = self.server.libraries().await.map_err(|fault| self.fault(fault))?;
        for library in &mut libraries {
            self.hide(&mut library.title);
        }
        Ok(libraries)
    }

    fn has_libraries(&self) -> bool {
        self.server.has_libraries()
    }

    fn passes_on(&self) -> bool {
        self.server.passes_on()
    }

    async fn scan(&self, batch: &[TargetScan]) -> Vec<Result<(), Fault>> {
        let answers = self.server.scan(batch).await.into_iter();
        answers.map(|answer| answer.map_err(|fault| self.fault(fault))).collect()
    }

    fn batches(&self) -> bool {
        self.server.batches()
    }

    async fn queue(&self, scan: &TargetScan) -> Option<String> {
        self.server.queue(scan).await
    }

    async fn plan(&self, scan: &TargetScan) -> Result<Plan, Fault> {
        let mut plan = self.server.plan(scan).await.map_err(|fault| self.fault(fault))?;
        for call in &mut plan.calls {
            self.hide(&mut call.url);
            call.body.iter_mut().for_each(|body| self.hide(body));
        }
        Ok(plan)
    }

    fn proves(&self) -> bool {
        self.server.proves()
    }

    async fn find(&self, folder: &TargetPath, expected: &[ExpectedFile]) -> Result<Vec<Observation>, Fault> {
        let mut all = self.server.find(folder, expected).await.map_err(|fault| self.fault(fault))?;
        for shown in &mut all {
            match shown {
                Observation::NotYet(reason) | Observation::Unknowable(reason) => self.hide(reason),
                Observation::Proven => {}
            }
        }
        Ok(all)
    }

    async fn why_missing(&self, expected: &ExpectedFile) -> Option<String> {
        let mut cause = self.server.why_missing(expected).await?;
        self.hide(&mut cause);
        Some(cause)
    }

    async fn is_below_a_root(&self, folder: &TargetPath) -> bool {
        self.server.is_below_a_root(folder).await
    }

    fn wants_care(&self, scan: &TargetScan) -> bool {
        self.server.wants_care(scan)
    }

    async fn care(&self, care: &CareScan) -> Result<Care, Fault> {
        match self.server.care(care).await.map_err(|fault| self.fault(fault))? {
            Care::Done(notes) => Ok(Care::Done(self.hide_all(notes))),
            Care::Later(mut reason) => {
                self.hide(&mut reason);
                Ok(Care::Later(reason))
            }
        }
    }

    async fn news(&self) {
        self.server.news().await;
    }

    async fn samples(&self, libraries: &[Library]) -> Vec<String> {
        self.server.samples(libraries).await
    }

    async fn playing(&self) -> Result<usize, Fault> {
        self.server.playing().await.map_err(|fault| self.fault(fault))
    }

    async fn advice(&self) -> Result<Vec<String>, Fault> {
        let advice = self.server.advice().await.map_err(|fault| self.fault(fault))?;
        Ok(self.hide_all(advice))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_of_the_port_is_left_to_its_default() {
        let (port, ours) =
            (include_str!("../../autoscan-core/src/ports/target.rs"), include_str!("discreet.rs"));
        let methods = port
            .split("pub trait Target")
            .nth(1)
            .unwrap()
            .split("\n    fn ")
            .flat_map(|part| part.split("\n    async fn "));
        for method in methods.skip(1) {
            let name = method.split('(').next().unwrap();
            assert!(ours.contains(&format!("self.server.{name}(")), "wrap {name} in discreet.rs");
        }
    }
}
