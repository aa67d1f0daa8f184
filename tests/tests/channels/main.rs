//! Channels as their platforms reach them: mails by SMTP, webhooks by HTTP, against a running site.

mod accounts;
mod fake;
mod files;
mod hooks;
mod mail;
