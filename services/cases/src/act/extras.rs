//! What a request for a reply says, field by field.

use domain::{
    case::{Extras, REPLY_LEN_MAX},
    ids::{Language, MediaType, MessageTag, ParameterName, TemplateName},
    outbound::{Form, Template, fit::FILES_MAX},
    personal::Personal,
};
use proto::cases::v1::{self as pb, reply_request};
use service::Error;

use super::fields as f;

/// The longest name of a file, in bytes.
const FILE_NAME_MAX: usize = 255;

/// What a request wants to be said.
pub struct Wanted<'r> {
    /// The words; none with a template or a file.
    pub text: String,
    /// The subject.
    pub subject: Option<String>,
    /// The files.
    pub files: Vec<File<'r>>,
    form: Shape,
}

/// A file that is to go with a reply.
pub enum File<'r> {
    /// It came with the request.
    New { name: String, media_type: MediaType, content: &'r [u8] },
    /// The case has it.
    Present { item: &'r str, index: u32 },
}

enum Shape {
    Free,
    Tag(MessageTag),
    Template {
        name: TemplateName,
        language: Option<Language>,
        parameters: Vec<String>,
        named: Vec<(ParameterName, String)>,
    },
}

impl<'r> Wanted<'r> {
    /// As the request has it. Errors name its fields.
    pub fn of(request: &'r pb::ReplyRequest) -> Result<Self, Error> {
        let form = shape(request.template.as_ref(), &request.tag)?;
        if request.attachments.len() > FILES_MAX {
            return Err(Error::field("attachments", format!("at most {FILES_MAX}")));
        }
        let files: Vec<_> = request
            .attachments
            .iter()
            .enumerate()
            .map(|(index, attachment)| file(&format!("attachments[{index}]"), attachment))
            .collect::<Result<_, _>>()?;
        let speaks = !files.is_empty() || matches!(form, Shape::Template { .. });
        let text = match request.text.as_str() {
            "" if speaks => String::new(),
            text => f::words("text", text, REPLY_LEN_MAX)?,
        };
        let subject = (!request.subject.is_empty())
            .then(|| line("subject", &request.subject, Extras::SUBJECT_LEN_MAX))
            .transpose()?;
        Ok(Self { text, subject, files, form })
    }

    /// As what it is sent, sealed for its owner.
    pub fn form(&self, owner: &str) -> Form {
        let personal = |text: &String| Personal::open(owner, text.as_str());
        match &self.form {
            Shape::Free => Form::Free,
            Shape::Tag(name) => Form::Tag { name: name.clone() },
            Shape::Template { name, language, parameters, named } => Form::Template(Template {
                name: name.clone(),
                language: language.clone(),
                parameters: parameters.iter().map(personal).collect(),
                named: named.iter().map(|(name, value)| (name.clone(), personal(value))).collect(),
            }),
        }
    }
}

fn shape(template: Option<&pb::ReplyTemplate>, tag: &str) -> Result<Shape, Error> {
    let tag = f::optional::<MessageTag>("tag", tag)?;
    let Some(template) = template else { return Ok(tag.map_or(Shape::Free, Shape::Tag)) };
    if tag.is_some() {
        return Err(Error::field("tag", "a template goes out without one: leave one of them out"));
    }
    let name = f::required("template.name", &template.name)?;
    let language = f::language("template.language", &template.language)?;
    if !template.parameters.is_empty() && !template.named.is_empty() {
        let text = "values are given by position or by name: leave out `parameters` or `named`";
        return Err(Error::field("template.named", text));
    }
    if template.parameters.len().max(template.named.len()) > Template::PARAMETERS_MAX {
        let field = if template.named.is_empty() { "template.parameters" } else { "template.named" };
        return Err(Error::field(field, format!("at most {}", Template::PARAMETERS_MAX)));
    }
    let value = |field: String, text: &str| f::words(&field, text, Template::PARAMETER_LEN_MAX);
    let parameters = template.parameters.iter().enumerate();
    let parameters = parameters.map(|(index, text)| value(format!("template.parameters[{index}]"), text));
    let parameters = parameters.collect::<Result<_, _>>()?;
    let named = template.named.iter().map(|(name, text)| {
        let name: ParameterName = f::required("template.named", name)?;
        let text = value(format!("template.named.{name}"), text)?;
        Ok((name, text))
    });
    Ok(Shape::Template { name, language, parameters, named: named.collect::<Result<_, Error>>()? })
}

fn file<'r>(field: &str, attachment: &'r reply_request::Attachment) -> Result<File<'r>, Error> {
    use reply_request::attachment::From;
    match &attachment.from {
        Some(From::File(file)) => {
            let at = |name: &str| format!("{field}.file.{name}");
            let name = line(&at("name"), &file.name, FILE_NAME_MAX)?;
            if name.contains(['/', '\\']) {
                return Err(Error::field(at("name"), "must be a name without a path"));
            }
            // What stands behind the type (a charset) is none of its name.
            let media_type = file.media_type.split(';').next().unwrap_or_default().trim().to_lowercase();
            let media_type = f::required(&at("media_type"), &media_type)?;
            if file.content.is_empty() {
                return Err(Error::field(at("content"), "must not be empty"));
            }
            Ok(File::New { name, media_type, content: &file.content })
        }
        Some(From::Present(present)) => {
            if present.message_id.is_empty() {
                return Err(Error::field(format!("{field}.present.message_id"), "must be given"));
            }
            Ok(File::Present { item: &present.message_id, index: present.index })
        }
        None => Err(Error::field(field, "must be a file, or name one that the case has")),
    }
}

/// Words on one line.
fn line(field: &str, text: &str, max: usize) -> Result<String, Error> {
    let text = f::words(field, text, max)?;
    if text.contains(char::is_control) {
        return Err(Error::field(field, "must be one line, without control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn wrong(request: &pb::ReplyRequest) -> String {
        match Wanted::of(request) {
            Err(Error::Invalid(violations)) => violations[0].field.clone(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("nothing is wrong with it"),
        }
    }

    fn template(parameters: &[&str], named: &[(&str, &str)]) -> pb::ReplyTemplate {
        let owned = |text: &&str| (*text).to_owned();
        let named = named.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        pb::ReplyTemplate {
            name: "order_update".into(),
            language: "pt-BR".into(),
            parameters: parameters.iter().map(owned).collect(),
            named: named.collect::<BTreeMap<_, _>>(),
        }
    }

    fn with_file(name: &str, media_type: &str, content: &[u8]) -> pb::ReplyRequest {
        let file = reply_request::File {
            name: name.into(),
            media_type: media_type.into(),
            content: content.to_vec(),
        };
        let from = Some(reply_request::attachment::From::File(file));
        pb::ReplyRequest { attachments: vec![reply_request::Attachment { from }], ..Default::default() }
    }

    #[test]
    fn what_is_wrong_is_called_by_its_field() {
        let said = || pb::ReplyRequest { text: "x".into(), ..Default::default() };
        let of = |template| pb::ReplyRequest { template: Some(template), ..said() };
        assert_eq!(wrong(&pb::ReplyRequest::default()), "text");
        assert_eq!(wrong(&pb::ReplyRequest { tag: "a tag".into(), ..said() }), "tag");
        assert_eq!(wrong(&pb::ReplyRequest { tag: "t".into(), ..of(template(&[], &[])) }), "tag");
        assert_eq!(wrong(&pb::ReplyRequest { subject: "a\nb".into(), ..said() }), "subject");
        assert_eq!(wrong(&of(pb::ReplyTemplate::default())), "template.name");
        assert_eq!(wrong(&of(template(&["a", ""], &[]))), "template.parameters[1]");
        assert_eq!(wrong(&of(template(&[], &[("a b", "x")]))), "template.named");
        assert_eq!(wrong(&of(template(&[], &[("a", "")]))), "template.named.a");
        assert_eq!(wrong(&of(template(&["a"], &[("a", "x")]))), "template.named");
        assert_eq!(wrong(&of(template(&["a"; 101], &[]))), "template.parameters");
        let nothing = reply_request::Attachment { from: None };
        assert_eq!(
            wrong(&pb::ReplyRequest { attachments: vec![nothing.clone()], ..said() }),
            "attachments[0]"
        );
        assert_eq!(wrong(&pb::ReplyRequest { attachments: vec![nothing; 11], ..said() }), "attachments");
        assert_eq!(wrong(&with_file("../x", "text/plain", b"x")), "attachments[0].file.name");
        assert_eq!(wrong(&with_file("", "text/plain", b"x")), "attachments[0].file.name");
        assert_eq!(wrong(&with_file("x", "text", b"x")), "attachments[0].file.media_type");
        assert_eq!(wrong(&with_file("x", "text/plain", b"")), "attachments[0].file.content");
    }

    #[test]
    fn a_template_is_filled_by_position_or_by_name() {
        let form = |template| {
            let request = pb::ReplyRequest { template: Some(template), ..Default::default() };
            match Wanted::of(&request).unwrap().form("case-1") {
                Form::Template(template) => template,
                other => panic!("{other:?}"),
            }
        };
        let placed = form(template(&["a", "b"], &[]));
        assert_eq!(placed.language.unwrap().as_str(), "pt-br");
        assert_eq!(placed.parameters.iter().filter_map(Personal::as_open).collect::<Vec<_>>(), ["a", "b"]);
        let named = form(template(&[], &[("order_id", "7")])).named;
        assert_eq!(named[&"order_id".parse::<ParameterName>().unwrap()].as_open(), Some("7"));
    }

    #[test]
    fn a_file_alone_is_a_reply() {
        let request = with_file("x.txt", "Text/Plain; charset=utf-8", b"x");
        let wanted = Wanted::of(&request).unwrap();
        let File::New { name, media_type, content } = &wanted.files[0] else { panic!("no file") };
        assert_eq!((name.as_str(), media_type.as_str(), *content), ("x.txt", "text/plain", &b"x"[..]));
    }
}
