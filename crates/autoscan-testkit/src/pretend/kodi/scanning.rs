use crate::pretend::kodi::media::Media;

/// A scan that was asked for and is not over.
struct Running {
    folder: String,
    /// Looks that still do not show it…
    unseen: usize,
    /// … and looks after these that do.
    seen: usize,
}

/// The scans of one kind of library. As measured at Kodi 20.1: the call is answered before the scan begins; the flag that it
/// runs comes some 40 ms later, or never; and a call while it runs, seen or not, stops it and begins none.
pub(super) struct Scanning {
    is_video: bool,
    running: Option<Running>,
    /// How many looks do not show the next scan, and how many after these do.
    pub(super) pace: (usize, usize),
    /// Looks that show a scan that somebody else asked for.
    pub(super) elsewhere: usize,
}

impl Scanning {
    pub(super) fn new(is_video: bool) -> Self {
        Self { is_video, running: None, pace: (1, 1), elsewhere: 0 }
    }

    /// A call to scan: false when it stopped the one that runs.
    pub(super) fn call(&mut self, folder: &str) -> bool {
        if self.is_busy() {
            self.end();
            return false;
        }
        let (unseen, seen) = self.pace;
        self.running = Some(Running { folder: folder.to_owned(), unseen, seen });
        true
    }

    /// Ends the scan that runs, whoever asked for it.
    pub(super) fn end(&mut self) {
        self.elsewhere = 0;
        self.running = None;
    }

    /// Whether a scan was asked for and is not over.
    pub(super) fn is_busy(&self) -> bool {
        self.elsewhere > 0 || self.running.is_some()
    }

    /// A look at the flag. The scan ends with the look after those that show it.
    pub(super) fn flag(&mut self, media: &mut Media) -> bool {
        if self.elsewhere > 0 {
            self.elsewhere -= 1;
            return true;
        }
        let Some(running) = &mut self.running else { return false };
        if running.unseen > 0 {
            running.unseen -= 1;
            return false;
        }
        if running.seen > 0 {
            running.seen -= 1;
            return true;
        }
        media.scan(self.is_video, &running.folder);
        self.running = None;
        false
    }
}
