//! How the files of a crate use each other, and what types are called. Each failure says what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::house_rules::{lines_without_tests, read, root, rust_files};

/// Files that may import each other in a circle.
const LARGEST_CIRCLE: usize = 10;

#[test]
fn no_more_than_ten_files_of_a_crate_import_each_other_in_a_circle() {
    let mut faults = BTreeMap::new();
    for package in crates() {
        let name = package.file_name().unwrap().to_str().unwrap().to_owned();
        let circles = circles(&imports(&package.join("src")));
        let large = circles.into_iter().find(|circle| circle.len() > LARGEST_CIRCLE);
        if let Some(large) = large {
            faults.insert(name, large);
        }
    }
    assert!(
        faults.is_empty(),
        "these files all lead back to each other, so that none can be read alone: {faults:#?}\nMove what several of them share \
         to a file below them that imports none of them."
    );
}

#[test]
fn a_public_type_has_its_name_alone() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in crates().iter().flat_map(|package| sources(&package.join("src"))) {
        let place = file.strip_prefix(root()).unwrap().display().to_string();
        for name in public_types(&code(&file)) {
            places.entry(name).or_default().push(place.clone());
        }
    }
    let shared: Vec<_> = places.iter().filter(|(_, places)| places.len() > 1).collect();
    assert!(
        shared.is_empty(),
        "these names mean more than one thing: {shared:#?}\nQualify one of each by its noun: SourceFolder, not Folder."
    );
}

/// The folders of our crates.
fn crates() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root().join("crates")).unwrap();
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let all = rust_files(folder.strip_prefix(root()).unwrap().to_str().unwrap());
    all.into_iter()
        .filter(|file| !file.iter().any(|name| name == "tests") && !file.ends_with("tests.rs"))
        .collect()
}

/// A file without its tests and comments.
fn code(file: &Path) -> String {
    let text = read(file);
    let lines = lines_without_tests(&text).into_iter();
    lines.map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Which files each file of a crate imports, by the path of its module.
fn imports(src: &Path) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let files: BTreeMap<Vec<String>, String> =
        sources(src).iter().map(|file| (module_of(src, file), code(file))).collect();
    let known: BTreeSet<&Vec<String>> = files.keys().collect();
    let imported = |module: &Vec<String>, code: &str| {
        let paths = paths(code, module);
        let files = paths.into_iter().filter_map(|path| {
            (0..=path.len()).rev().map(|end| path[..end].to_vec()).find(|start| known.contains(start))
        });
        files.filter(|file| file != module).collect()
    };
    files.iter().map(|(module, code)| (module.clone(), imported(module, code))).collect()
}

/// `src/pages/scan.rs` is `pages`, `scan`; `src/lib.rs` is the root.
fn module_of(src: &Path, file: &Path) -> Vec<String> {
    let path = file.strip_prefix(src).unwrap().with_extension("");
    let mut names: Vec<String> = path.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
    if matches!(names.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        names.pop();
    }
    names
}

/// Every path in a file's code that begins in its own crate, from the root of the crate.
fn paths(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let children: Vec<&str> = code
        .lines()
        .filter_map(|line| {
            line.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')
        })
        .collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("::") {
        let start = code[..at].rfind(|sign: char| !is_of_a_name(sign)).map_or(0, |before| before + 1);
        let is_first = !code[..start].ends_with(':');
        let base = match &code[start..at] {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module[..module.len().saturating_sub(1)].to_vec(),
            child if children.contains(&child) => [module, &[child.to_owned()]].concat(),
            _ => continue,
        };
        if is_first {
            follow(&code[at + 2..], base, &mut found);
        }
    }
    found
}

/// Follows a path, and each way of a group in braces.
fn follow(rest: &str, mut base: Vec<String>, found: &mut Vec<Vec<String>>) {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        return parts(group).into_iter().for_each(|part| follow(part, base.clone(), found));
    }
    let end = rest.find(|sign| !is_of_a_name(sign)).unwrap_or(rest.len());
    match &rest[..end] {
        "super" => drop(base.pop()),
        "" | "self" => {}
        name => base.push(name.to_owned()),
    }
    match rest[end..].strip_prefix("::") {
        Some(rest) => follow(rest, base, found),
        None => found.push(base),
    }
}

/// The parts of a group up to its closing brace.
fn parts(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect()
}

fn is_of_a_name(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// The groups of files of which each leads to each.
fn circles(imports: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> BTreeSet<BTreeSet<String>> {
    let reached: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> = imports
        .keys()
        .map(|start| {
            let (mut open, mut seen) = (vec![start], BTreeSet::new());
            while let Some(file) = open.pop() {
                open.extend(imports[file].iter().filter(|next| seen.insert(*next)));
            }
            (start, seen)
        })
        .collect();
    let circle = |start: &Vec<String>| {
        let back = reached[start].iter().filter(|file| reached[*file].contains(start));
        back.map(|file| file.join("::")).collect::<BTreeSet<String>>()
    };
    imports.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// The names of the public types of a file.
fn public_types(code: &str) -> Vec<String> {
    let kinds = ["pub struct ", "pub enum ", "pub trait ", "pub type ", "pub union "];
    let name = |line: &str| {
        let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
        Some(rest.chars().take_while(|sign| is_of_a_name(*sign)).collect())
    };
    code.lines().filter_map(name).collect()
}

#[test]
fn imports_are_followed_through_groups_parents_and_children() {
    let code = "mod child;\nuse crate::{a, b::{self, C}};\nuse super::d::E;\nlet x = child::f(super::super::g());\nuse std::fs;";
    let module = ["one".to_owned(), "two".to_owned()];
    let found: BTreeSet<String> = paths(code, &module).iter().map(|path| path.join("::")).collect();
    let expected = ["a", "b", "b::C", "g", "one::d::E", "one::two::child::f"];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn a_circle_is_who_leads_back_to_itself() {
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")];
    let mut imports: BTreeMap<Vec<String>, BTreeSet<Vec<String>>> = BTreeMap::new();
    for (from, to) in edges {
        imports.entry(vec![to.to_owned()]).or_default();
        imports.entry(vec![from.to_owned()]).or_default().insert(vec![to.to_owned()]);
    }
    let circle = ["a", "b", "c"].map(str::to_owned).into();
    assert_eq!(circles(&imports), [circle].into());
}
