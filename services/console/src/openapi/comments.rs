//! The comments of the contracts, by what they stand at.

use std::collections::HashMap;

use prost_reflect::FileDescriptor;

/// The comments of the files that were asked for, each file read once.
#[derive(Default)]
pub(super) struct Comments {
    files: HashMap<String, HashMap<Vec<i32>, String>>,
}

impl Comments {
    /// What is written before (or else behind) the thing at `path`; empty if nothing is.
    pub(super) fn of(&mut self, file: &FileDescriptor, path: &[i32]) -> String {
        let comments = self.files.entry(file.name().to_owned()).or_insert_with(|| read(file));
        comments.get(path).cloned().unwrap_or_default()
    }
}

/// The first sentence or line.
pub(super) fn summary(description: &str) -> &str {
    let line = description.lines().next().unwrap_or_default();
    line.split_once(". ").map_or(line, |(first, _)| first).trim_end_matches(['.', ':', ';'])
}

fn read(file: &FileDescriptor) -> HashMap<Vec<i32>, String> {
    let locations = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    let commented = locations.filter_map(|location| {
        let text = location.leading_comments.as_deref().or(location.trailing_comments.as_deref())?;
        Some((location.path.clone(), tidy(text)))
    });
    commented.collect()
}

/// Comments begin with the blank behind the slashes.
fn tidy(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}
