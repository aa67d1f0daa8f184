//! One part of a delivery in plain text, as it is handed to who says it.

use domain::{
    delivery::{Delivery, Rejection, Request},
    message::Attachment,
    outbound::Form,
    personal::Personal,
    time::Timestamp,
};

use crate::channels::speak::{File, Outgoing};

/// One part in plain text.
pub(super) struct Words {
    /// Under whose key what the platform calls it is sealed.
    pub(super) subject: String,
    /// The files that are still to be read, each with its name.
    pub(super) attached: Vec<(Attachment, String)>,
    /// The files that are read.
    pub(super) files: Vec<File>,
    pub(super) to: String,
    text: String,
    title: Option<String>,
    thread: Option<String>,
    parameters: Vec<String>,
    named: Vec<(String, String)>,
}

impl Words {
    /// Nothing: nobody can read it any more.
    pub(super) fn of(request: &Request, part: u16) -> Option<Self> {
        let part = request.parts.get(usize::from(part).checked_sub(1)?)?;
        let open = |value: &Option<Personal>| value.as_ref().and_then(Personal::as_open).map(str::to_owned);
        let plain = |value: &Personal| value.as_open().map(str::to_owned);
        let text = match &part.text {
            Some(text) => plain(text)?,
            None => String::new(),
        };
        let attached = part.attachments.iter().map(|file| Some((file.clone(), plain(&file.name)?)));
        let attached: Vec<_> = attached.collect::<Option<_>>()?;
        let (parameters, named) = match &request.form {
            Form::Free | Form::Tag { .. } => (Vec::new(), Vec::new()),
            Form::Template(template) => {
                let named =
                    template.named.iter().map(|(name, value)| Some((name.to_string(), plain(value)?)));
                let parameters = template.parameters.iter().map(plain).collect::<Option<_>>()?;
                (parameters, named.collect::<Option<_>>()?)
            }
        };
        let owner = part.text.as_ref().or(request.contact.as_ref());
        let owner = owner.or_else(|| part.attachments.first().map(|file| &file.name))?;
        Some(Self {
            subject: owner.subject.to_string(),
            attached,
            files: Vec::new(),
            to: open(&request.contact).unwrap_or_default(),
            text,
            title: open(&request.subject),
            thread: open(&request.thread),
            parameters,
            named,
        })
    }

    /// What it says, in our own words.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What a platform is told.
    pub(super) fn outgoing<'a>(
        &'a self,
        delivery: &'a Delivery,
        key: &'a str,
        at: Timestamp,
    ) -> Outgoing<'a> {
        let (tag, template, language) = match &delivery.request.form {
            Form::Free => (None, None, None),
            Form::Tag { name } => (Some(name.as_str()), None, None),
            Form::Template(template) => {
                let language = template.language.as_ref().map(domain::ids::Language::as_str);
                (None, Some(template.name.as_str()), language)
            }
        };
        Outgoing {
            to: &self.to,
            text: &self.text,
            subject: self.title.as_deref(),
            reply_to: self.thread.as_deref(),
            thread: self.thread.as_deref(),
            public: delivery.request.place.visibility == domain::channel::Visibility::Public,
            tag,
            template,
            language,
            parameters: &self.parameters,
            named: &self.named,
            files: &self.files,
            key,
            reply: delivery.request.reply,
            since: delivery.request.not_before,
            at,
        }
    }

    /// Why a platform took it not: of a file, that it is too long says that the file is.
    pub(super) fn blamed(&self, reason: Rejection) -> Rejection {
        match reason {
            Rejection::TooLong if !self.files.is_empty() => Rejection::AttachmentRefused,
            reason => reason,
        }
    }
}
