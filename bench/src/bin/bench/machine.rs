//! The machine the figures belong to; nothing that names it or its owner.

use std::path::Path;

/// Cores, processor, memory, kernel and the filesystem of the databases, one fact a line.
pub(crate) fn facts(databases: &Path) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        format!("{cores} cores, {}", value("/proc/cpuinfo", "model name").unwrap_or_else(unknown)),
        format!("{} memory", memory()),
        format!(
            "Linux {}, databases on {}",
            read("/proc/sys/kernel/osrelease").trim(),
            filesystem(databases).unwrap_or_else(unknown)
        ),
    ]
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

fn value(file: &str, key: &str) -> Option<String> {
    let text = read(file);
    let (_, value) = text.lines().find(|line| line.starts_with(key))?.split_once(':')?;
    Some(value.trim().to_owned())
}

fn memory() -> String {
    let kilobytes = value("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or_default();
    format!("{} GiB", kilobytes.div_ceil(1 << 20))
}

/// The type of the filesystem that holds `folder`: of the mount with the longest matching path.
fn filesystem(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    read("/proc/mounts")
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .filter(|(mount, _)| folder.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map(|(_, kind)| kind)
}
