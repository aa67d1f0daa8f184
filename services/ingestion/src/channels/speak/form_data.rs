//! Files in calls: `multipart/form-data`, as RFC 7578 and browsers write it.

use http::Method;

use super::{Call, File};

impl Call {
    /// A POST of a form with a file. `key`, which nobody knew when the file was made, tells its parts apart.
    pub(super) fn multipart(
        url: String,
        key: &str,
        fields: &[(&str, &str)],
        (name, file): (&str, &File),
    ) -> Self {
        let mut boundary = format!("dossier-{key}");
        let is_in = |boundary: &str, bytes: &[u8]| memchr::memmem::find(bytes, boundary.as_bytes()).is_some();
        while is_in(&boundary, &file.content)
            || fields.iter().any(|(_, value)| is_in(&boundary, value.as_bytes()))
        {
            boundary.push('-');
        }
        let mut body = Vec::with_capacity(file.content.len() + ROOM);
        for (name, value) in fields {
            let head =
                format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n", quoted(name));
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value.as_bytes());
            body.extend_from_slice(b"\r\n");
        }
        let head = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
            quoted(name),
            quoted(&file.name),
            file.media_type.replace(char::is_control, ""),
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&file.content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let headers = vec![("content-type", format!("multipart/form-data; boundary={boundary}"))];
        Self { method: Method::POST, url, headers, secret_headers: Vec::new(), body }
    }
}

/// Room for the fields beside the file, in bytes.
const ROOM: usize = 4 * 1024;

/// A name between quotes, from which nothing steps out.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
