//! Whether a reply is one that a channel takes, before anything is promised: words, files, templates, tags, subjects.
//!
//! What a channel takes is data, and may be wrong; the platform has the last word.

use crate::{
    ids::MediaType,
    policy::channel::{Beyond, Channel},
};

use super::{
    Form,
    length::{self, Unit},
};

/// The most files of one reply.
pub const FILES_MAX: usize = 10;
/// The most bytes of all files of one reply together: each is held in memory while it is sent.
pub const FILES_BYTES_MAX: u64 = 25 * 1024 * 1024;
/// How many tags an error's text spells out.
const TAGS_TOLD_MAX: usize = 10;

/// A file as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its media type.
    pub media_type: &'a MediaType,
    /// Its length.
    pub bytes: u64,
}

/// Why a channel does not take a reply. The texts name the field and the remedy, and nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Nothing can be sent there.
    #[error("nothing can be sent on this channel: answer elsewhere")]
    ListenOnly,
    /// It has no templates.
    #[error("template: this channel has no templates: leave it out, and write a text")]
    Template,
    /// It has no such tag.
    #[error("tag: this channel {}", told(tags))]
    Tag {
        /// Those that it has.
        tags: Vec<String>,
    },
    /// It is longer than the channel takes, in as many messages as it may become.
    #[error("text: {count} {unit}, and this channel takes at most {max}{}: shorten it", in_each(*parts))]
    TooLong {
        /// How long it is.
        count: usize,
        /// What is counted.
        unit: &'static str,
        /// How long one message may be.
        max: usize,
        /// How many messages it may become.
        parts: usize,
    },
    /// A piece of it that is not torn apart is longer than one message.
    #[error(
        "text: a link or a character in it is longer than the {max} {unit} that a message may have here: shorten it"
    )]
    Indivisible {
        /// How long one message may be.
        max: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// It has no subjects.
    #[error("subject: this channel has no subjects: leave it out")]
    Subject,
    /// It takes no files.
    #[error("attachments: this channel takes no files: leave them out, and send a link")]
    NoFiles,
    /// With a template there is room for one file.
    #[error("attachments: a template takes one file at most: send the others in a reply of their own")]
    FilesOfTemplate,
    /// It does not take files of this type.
    #[error(
        "attachments[{index}].media_type: this channel takes no such files: send another format, or a link"
    )]
    FileType {
        /// Which file.
        index: usize,
    },
    /// It takes no files so large.
    #[error("attachments[{index}]: at most {max} bytes on this channel: send a smaller one, or a link")]
    FileTooLarge {
        /// Which file.
        index: usize,
        /// How large it may be.
        max: u64,
    },
    /// There are too many files.
    #[error("attachments: at most {FILES_MAX} in one reply: send the others in another one")]
    TooManyFiles,
    /// The files are too large together.
    #[error("attachments: at most {FILES_BYTES_MAX} bytes in one reply: send some in another one")]
    FilesTooLarge,
}

impl Misfit {
    /// The stable code of the refusal, for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ListenOnly => "LISTEN_ONLY",
            Self::Template => "TEMPLATE_NOT_ALLOWED",
            Self::Tag { .. } => "TAG_NOT_ALLOWED",
            Self::TooLong { .. } | Self::Indivisible { .. } => "TOO_LONG",
            Self::Subject => "SUBJECT_NOT_ALLOWED",
            Self::NoFiles | Self::FilesOfTemplate => "ATTACHMENT_NOT_ALLOWED",
            Self::FileType { .. } => "ATTACHMENT_TYPE_NOT_ALLOWED",
            Self::FileTooLarge { .. } | Self::FilesTooLarge => "ATTACHMENT_TOO_LARGE",
            Self::TooManyFiles => "TOO_MANY_ATTACHMENTS",
        }
    }
}

/// Whether `channel` takes a reply of this form with these files.
pub fn fits(channel: &Channel, form: &Form, has_subject: bool, files: &[File<'_>]) -> Result<(), Misfit> {
    if channel.listen_only {
        return Err(Misfit::ListenOnly);
    }
    match form {
        Form::Free => {}
        Form::Template(_) if channel.beyond != Beyond::Template => return Err(Misfit::Template),
        Form::Template(_) if files.len() > 1 => return Err(Misfit::FilesOfTemplate),
        Form::Template(_) => {}
        Form::Tag { name } if channel.tags.contains_key(name.as_str()) => {}
        Form::Tag { .. } => {
            return Err(Misfit::Tag { tags: channel.tags.keys().take(TAGS_TOLD_MAX).cloned().collect() });
        }
    }
    if has_subject && !channel.subjects {
        return Err(Misfit::Subject);
    }
    if !files.is_empty() && !channel.media {
        return Err(Misfit::NoFiles);
    }
    if files.len() > FILES_MAX {
        return Err(Misfit::TooManyFiles);
    }
    for (index, file) in files.iter().enumerate() {
        let max = channel.file_max(file.media_type).ok_or(Misfit::FileType { index })?;
        if file.bytes > max {
            return Err(Misfit::FileTooLarge { index, max });
        }
    }
    let all = files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    if all > FILES_BYTES_MAX { Err(Misfit::FilesTooLarge) } else { Ok(()) }
}

/// Whether `channel` takes these words, in as many messages as it may. Those of a template its platform counted.
pub fn holds(channel: &Channel, form: &Form, text: &str) -> Result<(), Misfit> {
    let (Some(max), Form::Free | Form::Tag { .. }) = (channel.length_max, form) else { return Ok(()) };
    let (max, parts, unit) = (max as usize, usize::from(channel.parts_max), channel.length_unit);
    match length::split(text, max, unit, parts) {
        Ok(_) => Ok(()),
        Err(length::Error::Indivisible { max }) => Err(Misfit::Indivisible { max, unit: called(unit) }),
        Err(length::Error::TextTooLong { .. } | length::Error::TooManyParts { .. }) => {
            Err(Misfit::TooLong { count: length::count(text, unit), unit: called(unit), max, parts })
        }
    }
}

/// What is counted, as people call it.
const fn called(unit: Unit) -> &'static str {
    match unit {
        Unit::Graphemes => "characters",
        Unit::Scalars => "Unicode characters",
        Unit::Utf16 => "UTF-16 units",
        Unit::Bytes => "bytes",
        Unit::SmsSegments => "SMS segments",
        Unit::Weighted => "weighted characters",
    }
}

fn in_each(parts: usize) -> String {
    if parts > 1 { format!(" in each of {parts} messages") } else { String::new() }
}

impl Channel {
    /// How large a file of this type may be; none: there are no such files there.
    fn file_max(&self, media_type: &MediaType) -> Option<u64> {
        if self.media_types.is_empty() {
            return Some(FILES_BYTES_MAX);
        }
        let name = media_type.as_str();
        let family = name.split('/').next().unwrap_or_default();
        let patterns = [name.to_owned(), format!("{family}/*"), "*/*".to_owned()];
        patterns.iter().find_map(|pattern| self.media_types.get(pattern)).copied()
    }
}

fn told(tags: &[String]) -> String {
    if tags.is_empty() {
        return "has no message tags: leave it out".to_owned();
    }
    format!("has not this message tag: take one of {}", tags.join(", "))
}

#[cfg(test)]
mod tests;
