//! Follows the links of a path one name at a time, so that each step is a look at the mount that it lies on, and none at a
//! mount that only the path's text names.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::Disk;
use super::mount_table::MountTable;
use super::workers::Unanswered;

/// Links that are followed in one path; Linux follows as many.
const MOST: usize = 40;

/// A path on the way to what it resolves to.
#[derive(Clone, Debug)]
struct Resolution {
    /// What is resolved: no link is in it.
    real: PathBuf,
    /// Names that follow, the first one last.
    left: Vec<OsString>,
    followed: usize,
}

/// What a step on one mount reached.
enum FollowedTo {
    /// The end of the path.
    CommandEnd,
    /// Another mount.
    OtherMount,
    /// Nothing: its links lead to each other.
    Loop,
}

/// Why a path could not be looked at.
#[derive(Debug)]
pub(super) struct Stopped {
    /// In a sentence.
    pub(super) reason: String,
    /// The path as far as it was resolved, and the rest of it as it is written.
    pub(super) at: PathBuf,
}

impl Disk {
    /// Looks at what a path resolves to, on a worker of the mount on which that lies.
    pub(super) async fn at<T: Send + 'static>(
        &self,
        path: &Path,
        look: impl FnOnce(&Path, &MountTable) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let table = self.mounts();
        let mut way = Resolution::new(path);
        let mut look = Some(look);
        for _ in 0..=MOST {
            way.advance(&table);
            let mount = table.mount_of(&way.real).to_owned();
            let stopped = way.as_written();
            let (theirs, mine) = (Arc::clone(&table), mount.clone());
            let Some(asked) = look.take() else { break };
            let step = move || match way.follow(&mine, &theirs) {
                FollowedTo::CommandEnd => Ok(Some(asked(&way.real, &theirs))),
                FollowedTo::OtherMount => Err((way, asked)),
                FollowedTo::Loop => Ok(None),
            };
            match self.workers.run(&mount, step).await {
                Ok(Ok(Some(answer))) => return Ok(answer),
                Ok(Ok(None)) => break,
                Ok(Err((further, asked))) => (way, look) = (further, Some(asked)),
                Err(unanswered) => {
                    return Err(Stopped { reason: self.reason(&mount, unanswered), at: stopped });
                }
            }
        }
        Err(Stopped { reason: "its links go round".to_owned(), at: path.to_owned() })
    }
}

impl Disk {
    fn reason(&self, mount: &Path, unanswered: Unanswered) -> String {
        match unanswered {
            Unanswered::Silent => format!(
                "{:?} does not answer within {} s",
                mount.to_string_lossy(),
                self.workers.patience.as_secs()
            ),
            Unanswered::Broken(reason) => format!("looking at it failed: {reason}"),
        }
    }
}

impl Resolution {
    fn new(path: &Path) -> Self {
        let mut way = Self { real: PathBuf::from("/"), left: Vec::new(), followed: 0 };
        way.lead_to(path);
        way
    }

    /// The names of `path` come next.
    fn lead_to(&mut self, path: &Path) {
        if path.has_root() {
            self.real = PathBuf::from("/");
        }
        let names = path.components().rev().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        self.left.extend(names);
    }

    /// Goes on as far as the table of mounts knows the way, which touches nothing.
    fn advance(&mut self, table: &MountTable) {
        while let Some(name) = self.left.last() {
            let next = if name == ".." {
                self.real.parent().unwrap_or(Path::new("/")).to_owned()
            } else {
                self.real.join(name)
            };
            if name != ".." && !table.is_folder(&next) {
                return;
            }
            self.real = next;
            self.left.pop();
        }
    }

    /// Goes on as far as it leads on one mount.
    fn follow(&mut self, mount: &Path, table: &MountTable) -> FollowedTo {
        loop {
            self.advance(table);
            if table.mount_of(&self.real) != mount {
                return FollowedTo::OtherMount;
            }
            let Some(name) = self.left.pop() else { return FollowedTo::CommandEnd };
            self.real.push(name);
            match fs::read_link(&self.real) {
                Ok(_) if self.followed == MOST => return FollowedTo::Loop,
                Ok(to) => {
                    self.followed += 1;
                    self.real.pop();
                    self.lead_to(&to);
                }
                // What is no link is answered with EINVAL.
                Err(error) if error.kind() == ErrorKind::InvalidInput => {}
                // The look at the whole path meets the same fault, and tells it.
                Err(_) => {
                    self.real = self.as_written();
                    return FollowedTo::CommandEnd;
                }
            }
        }
    }

    fn as_written(&self) -> PathBuf {
        self.real.iter().chain(self.left.iter().rev().map(OsString::as_os_str)).collect()
    }
}
